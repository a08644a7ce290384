"""A module's own loaders are data: what they give equals a data module with the same methods."""

import pickle
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringModel
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from autoact import Assignment
from autoact.errors import ConfigurationError, DataError
from autoact.training import Member, split, train, train_stack

LENGTH: dict[str, Any] = {"max_epochs": 2, "accelerator": "cpu"}
TANH = Assignment({"net.1": "tanh"})


class Rows:
    """Methods of data, of a data module or of a model: `setup` divides anew each time it is called."""

    batch_size = 8

    def setup(self, stage: str) -> None:
        x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
        self.parts = random_split(TensorDataset(x, x.prod(1, keepdim=True)), [32, 16, 16])

    def train_dataloader(self) -> Any:
        return DataLoader(self.parts[0], batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.parts[1], batch_size=8)


class Data(Rows, L.LightningDataModule):
    pass


class Net(L.LightningModule):
    def __init__(self, batch_size: int = 8) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))

    def loss(self, batch: Any) -> Tensor:
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Own(Rows, Net):
    """The same, with loaders of its own."""


class TornDown(Own):
    """The same, without its data after each stage."""

    def teardown(self, stage: str) -> None:
        del self.parts


class Watched(Own):
    rows: ClassVar[list[Tensor]] = []

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.rows.append(batch[0])


class OnTest(Own):
    """The same, whose test data are its validation data, divided in a `setup` that makes new layers."""

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self.net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))

    def test_dataloader(self) -> Any:
        return self.val_dataloader()


def trained(model: Any, data: Any = None, **more: Any) -> Any:
    return train(model, data, seed=3, monitor="val_loss", trainer=LENGTH, comparison=True, **more)


@pytest.mark.parametrize("more", [{}, {"assignment": TANH}, {"space": ["relu", "prelu"], "fine_tune": 0.5}])
def test_own_loaders_equal_those_of_a_data_module(more):
    given = trained(Net, Data, **more)
    for model in (Own, TornDown):
        own = trained(model, **more)
        assert (own.selection, own.comparison, own.curve) == (given.selection, given.comparison, given.curve)
        assert own.mixture.get("discretization") == given.mixture.get("discretization")


def test_a_stack_of_own_loaders_equals_plain_trainings():
    members = [
        Member(assignment=each, seed=seed, comparison=True) for each in (None, TANH) for seed in (3, 4)
    ]
    found = train_stack(Own, split(None, model=Own), members, monitor="val_loss", trainer=LENGTH)
    for member, each in zip(members[::2], found[::2], strict=True):
        plain = trained(Own, assignment=member.assignment)
        assert each.selection == pytest.approx(plain.selection, rel=1e-5)
        assert each.comparison == pytest.approx(plain.comparison, rel=1e-5)


def test_trainings_with_one_seed_see_the_same_rows():
    seen = []
    for assignment in (None, TANH, Assignment({"net.1": "prelu"})):
        Watched.rows.clear()
        trained(Watched, assignment=assignment)
        seen.append(torch.cat(Watched.rows))
    assert len(seen[0]) == 64
    assert all(torch.equal(each, seen[0]) for each in seen)


def test_the_trained_model_is_compared_on_its_own_test_rows():
    found = trained(OnTest)
    assert split(None, model=OnTest).source == "test loader"
    assert found.comparison == found.selection  # the same rows, and the layers that were trained


def test_the_loaders_are_those_of_the_model_that_is_trained():
    assert trained(lambda: Own(batch_size=32), split(None, model=Own)).steps == 2


def test_loaders_that_are_given_come_first():
    x = torch.randn(8, 2)
    loader = DataLoader(TensorDataset(x, x.prod(1, keepdim=True)), batch_size=4)
    assert trained(Own, (loader, loader)).steps == 4


def test_parts_of_own_loaders_pickle_and_have_an_example():
    parts = pickle.loads(pickle.dumps(split(None, model=Own)))
    assert parts.example()[0].shape == (8, 2)
    assert len(parts.comparison().dataset) == 8


@pytest.mark.parametrize(
    ("model", "kind", "said"),
    [
        (None, ConfigurationError, "data is not given; give a LightningDataModule"),
        (Net, ConfigurationError, "data is not given, and Net has no train_dataloader of its own"),
        (nn.Identity, ConfigurationError, "data is not given, and Identity has no train_dataloader"),
        (
            type("Half", (Net,), {"train_dataloader": BoringModel.train_dataloader}),
            DataError,
            "Half has a train_dataloader of its own, but no val_dataloader",
        ),
    ],
)
def test_a_model_without_loaders_needs_data(model, kind, said):
    with pytest.raises(kind, match=said):
        split(None, model=model)
