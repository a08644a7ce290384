"""Comparison data that a generator of their own shuffles have one order, so that rows pair in a verdict."""

from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from autoact.records import RowGroups
from autoact.search.statistics import compare
from autoact.training import DataParts, Member, split, train_stack
from tests.training.stack.strangers import LENGTH, Table, members, plain

pytestmark = pytest.mark.slow

ROWS = 45


def rows() -> TensorDataset:
    g = torch.Generator().manual_seed(5)
    return TensorDataset(torch.randn(ROWS, 6, generator=g), torch.randint(4, (ROWS,), generator=g))


def loaders(generator: torch.Generator | None) -> Any:
    data = rows()
    test = DataLoader(data, 10, shuffle=generator is not None, generator=generator)
    return DataLoader(data, 16, shuffle=True), DataLoader(data, 10), test


class Module(L.LightningDataModule):
    """One generator for all trainings."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator()

    def train_dataloader(self) -> Any:
        return loaders(None)[0]

    def val_dataloader(self) -> Any:
        return loaders(None)[1]

    def test_dataloader(self) -> Any:
        return loaders(self.generator)[2]


def together(data: DataParts, *seeds: int) -> list[RowGroups]:
    stack = members(Table, seeds=seeds)[1:]
    found = train_stack(Table, data, stack, monitor="val_loss", trainer=LENGTH)
    return [each.rows for each in found if each.rows is not None]


def order_alone(data: DataParts, seed: int) -> int:
    found = plain(Table, data, Member(assignment=None, seed=seed, comparison=True), LENGTH).rows
    assert found is not None
    return found.data


@pytest.mark.parametrize(
    "given", [loaders(torch.Generator()), Module, Module()], ids=["loaders", "class", "object"]
)
def test_there_is_one_order_in_all_trainings(given: Any) -> None:
    data = split(given)
    found = together(data, 1, 2)
    assert len(found) == 6
    (order,) = {each.data for each in found}
    assert [order_alone(data, seed) for seed in (2, 1, 2)] == [order] * 3, "whatever was trained before"
    (sorted_,) = {each.data for each in together(split(loaders(None)), 1)}
    assert sorted_ != order


def test_what_else_the_generator_is_for_goes_on_as_before() -> None:
    generator = torch.Generator().manual_seed(3)
    expected = torch.rand(2, generator=torch.Generator().manual_seed(3))
    order_alone(split(loaders(generator)), 1)
    assert torch.equal(torch.rand(2, generator=generator), expected)


def test_rows_pair_in_a_verdict_on_trainings_alone_and_in_a_stack() -> None:
    data = split(loaders(torch.Generator()))
    stack = members(Table, seeds=(1, 2, 3))[1:]
    trained = [plain(Table, data, each, LENGTH) for each in stack[:3]]
    trained += train_stack(Table, data, stack[3:], monitor="val_loss", trainer=LENGTH)
    ours, theirs = trained[::3], trained[1::3]
    one, other = ([each.comparison for each in same] for same in (ours, theirs))
    pairs = [(a.rows, b.rows) for a, b in zip(ours, theirs, strict=True)]
    found = compare(one, other, "min", groups=pairs).rows
    assert found is not None
    assert (found.unknown, found.groups) == (None, 33)
