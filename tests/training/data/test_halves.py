import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    IterableDataset,
    SequentialSampler,
    SubsetRandomSampler,
)

from autoact.errors import DataError
from autoact.training.data import halve
from tests.training.models import load


def values(loader):
    return [int(value) for batch in loader for value in batch]


def test_halves_are_disjoint_and_complete():
    first, second = halve(load(range(21), batch_size=4), seed=3)
    assert len(values(first)) == 11
    assert sorted(values(first) + values(second)) == list(range(21))


def test_the_seed_decides():
    loader = load(range(40))
    assert values(halve(loader, 1)[0]) == values(halve(loader, 1)[0])
    assert values(halve(loader, 1)[0]) != values(halve(loader, 2)[0])


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    halve(load(range(10)), 0)
    assert torch.equal(before, torch.get_rng_state())


def test_settings_of_the_loader_stay():
    def collate(batch):
        return torch.tensor(batch) * 10

    generator = torch.Generator()
    loader = load(range(10), batch_size=3, collate_fn=collate, generator=generator, shuffle=True)
    first, _ = halve(loader, 0)
    assert first.batch_size == 3
    assert first.generator is generator
    assert all(value % 10 == 0 for value in values(first))


def test_drop_last_does_not_empty_a_half():
    first, second = halve(load(range(10), batch_size=8, drop_last=True), 0)
    assert len(values(first)) == len(values(second)) == 5


def test_a_sampler_of_a_subset_keeps_its_rows():
    first, second = halve(load(range(100), sampler=SubsetRandomSampler([4, 8, 15, 16])), 0)
    assert sorted(values(first) + values(second)) == [4, 8, 15, 16]


def test_collections_are_halved_member_by_member():
    first, second = halve({"a": load(range(4)), "b": [load(range(6))]}, 0)
    assert len(values(first["a"])) == 2
    assert len(values(second["b"][0])) == 3


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(4))


@pytest.mark.parametrize(
    ("loader", "reason"),
    [
        (load(Stream()), "iterable dataset"),
        (load([1]), "1 row;"),
        ([[1, 2]], "list"),
        (
            load(range(4), batch_sampler=type("Mine", (BatchSampler,), {})(SequentialSampler([1]), 1, False)),
            "own batch sampler \\(Mine\\)",
        ),
    ],
)
def test_what_cannot_be_halved_says_why_and_what_to_do(loader, reason):
    if reason == "list":
        loader = iter([1])
        reason = "list_iterator"
    with pytest.raises(DataError, match=f"{reason}.*Give a test loader"):
        halve(loader, 0)
