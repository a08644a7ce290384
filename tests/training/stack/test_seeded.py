"""Data of every seed come as a plain training gets them, from whatever they are."""

from collections.abc import Callable
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from autoact.training import split
from autoact.training.stack._seeded import Streams
from tests.training.stack.strangers import CLASSES, LENGTH, Accuracy, Table, check_equal, members, table


def rows(count: int = 32) -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 6, generator=generator)
    return TensorDataset(x, torch.randint(0, CLASSES, (count,), generator=generator))


class Data(L.LightningDataModule):
    """Divides its rows anew in every setup, and draws on the way."""

    def setup(self, stage: str) -> None:
        self.parts = torch.utils.data.random_split(rows(48), [32, 16])

    def train_dataloader(self) -> Any:
        return DataLoader(self.parts[0], 8, shuffle=True)

    def val_dataloader(self) -> Any:
        torch.rand(())
        return DataLoader(self.parts[1], 8, shuffle=True)


class Whole(Data):
    def test_dataloader(self) -> Any:
        return DataLoader(rows(), 8, shuffle=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Your .val_dataloader.* sampler has shuffling enabled")
@pytest.mark.parametrize(
    "data", [Data, Data(), Whole, Whole()], ids=["made", "held", "tested", "held, tested"]
)
def test_data_modules_equal_plain_trainings(data: Any) -> None:
    check_equal(Table, split(data), members(Table, seeds=(1, 2)), compared=[0, 1, 6])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Your .val_dataloader.* sampler has shuffling enabled")
@pytest.mark.parametrize("data", [Data, Whole()], ids=["made", "held"])
def test_data_modules_are_validated_network_by_network_as_well(data: Any) -> None:
    check_equal(Accuracy, split(data), members(Table, seeds=(1, 2)), compared=[0, 1, 6])


@pytest.mark.slow
def test_halves_of_the_validation_data_equal_plain_trainings() -> None:
    data = split((DataLoader(rows(), 8, shuffle=True), DataLoader(rows(), 8)))
    check_equal(Table, data, members(Table, seeds=(1, 2)), compared=[0, 1, 6])


@pytest.mark.slow
def test_workers_draw_the_numbers_of_each_seed() -> None:
    data = table(num_workers=1)
    check_equal(Table, data, members(Table, seeds=(1, 2)), {**LENGTH, "max_epochs": 2}, compared=[0, 6])


class Dictionary(Table):
    def loss(self, batch: Any) -> Any:
        return super().loss((batch["x"], batch["y"])) * batch["scale"]


@pytest.mark.slow
def test_batches_may_be_dictionaries() -> None:
    def collate(items: Any) -> Any:
        x, y = zip(*items, strict=True)
        return {"x": torch.stack(x), "y": torch.stack(y), "scale": 2.0, "name": "rows"}

    loader = DataLoader(rows(), 8, shuffle=True, collate_fn=collate)
    check_equal(Dictionary, split((loader, loader, loader)), members(Table, seeds=(1, 2)), compared=[0, 6])


def draws(streams: Streams, index: int, draw: Callable[[], float], count: int = 3) -> list[float]:
    streams.turn_to(index)
    return [draw() for _ in range(count)]


def test_streams_take_turns_with_generators_that_they_share() -> None:
    shared = torch.Generator()

    def draw() -> float:
        return float(torch.rand((), generator=shared)) + float(torch.rand(()))

    streams, alone = Streams(2), []
    for index in (0, 1):
        streams.turn_to(index)
        streams.give(index, [shared])
        shared.manual_seed(index)
        torch.manual_seed(index)
    for index in (0, 1):
        shared.manual_seed(index)
        torch.manual_seed(index)
        alone.append([draw() for _ in range(9)])
    again = Streams(2)
    for index in (0, 1):
        again.turn_to(index)
        again.give(index, [shared])
        shared.manual_seed(index)
        torch.manual_seed(index)
    found = [draws(again, index, draw) for index in (1, 0, 1, 0)]
    assert found == [alone[1][:3], alone[0][:3], alone[1][3:6], alone[0][3:6]]
    kept = again.kept()
    expected = draws(again, 0, draw)
    again.put_back(kept)
    assert draws(again, 0, draw) == expected == alone[0][6:]
