"""Comparisons of all networks at once give what comparisons network by network give."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from autoact.records import RowGroups
from autoact.spaces import Assignment
from autoact.training import DataParts, Member, split, train_stack
from autoact.training.fit import Batches
from autoact.training.stack import NotStackable
from autoact.training.stack._validations import Validations
from tests.training.stack.strangers import LENGTH, Images, Table, images, members, table

pytestmark = pytest.mark.slow

ROWS = 45


@dataclass(frozen=True, slots=True)
class Both:
    """What both ways made of one trained stack: of each member value and row groups, or None.

    Attributes:
        found: By the way that the stack takes.
        expected: Network by network.
        loads: How often Lightning validated for the former.
        why: That it is network by network; empty if all were compared at once.
    """

    found: list[Any]
    expected: list[Any]
    loads: int
    why: str


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[..., Both]:
    """Train a stack, compare its members in both ways, and assert that they are equal."""

    def call(
        make: Any, data: DataParts, stack: Sequence[Member], monitor: str = "val_loss", **settings: Any
    ) -> Both:
        loads, made = list[Any](), list[Both]()
        validate, compared = L.Trainer.validate, Validations.compared

        def counted(self: Any, *args: Any, **more: Any) -> Any:
            loads.append(self)
            return validate(self, *args, **more)

        def twice(self: Any, trained: Any) -> Any:
            loads.clear()
            caplog.clear()
            found = compared(self, trained)
            count, said = len(loads), [each.getMessage() for each in caplog.records]
            asking = [place for place, each in enumerate(trained.members) if each.comparison]
            expected = dict(zip(asking, self._compared_by_turns(trained, asking), strict=True))
            assert len(loads) == count + len(asking)
            of_all = [expected.get(place) for place in range(len(found))]
            made.append(Both(found, of_all, count, "".join(said).partition("one by one: ")[2]))
            return found

        caplog.set_level(logging.DEBUG, "autoact")
        monkeypatch.setattr(L.Trainer, "validate", counted)
        monkeypatch.setattr(Validations, "compared", twice)
        trainer = {"max_epochs": 1, "accelerator": "cpu", **settings}
        train_stack(make, data, stack, monitor=monitor, trainer=trainer)
        monkeypatch.undo()
        check_equal(made[0])
        return made[0]

    return call


def check_equal(both: Both) -> None:
    for found, expected in zip(both.found, both.expected, strict=True):
        assert (found is None) == (expected is None)
        if found is None:
            continue
        assert found[0] == pytest.approx(expected[0], rel=1e-5, nan_ok=True)
        groups, of_plain = found[1], expected[1]
        assert groups.values == pytest.approx(of_plain.values, rel=1e-4, abs=1e-6)
        assert (groups.weights, groups.data) == (of_plain.weights, of_plain.data)
        assert said(groups) == said(of_plain)


def said(groups: RowGroups) -> str | None:
    """Return why there are no groups, without numbers that are rounded otherwise."""
    return groups.unknown and groups.unknown.partition(": by groups of rows")[0]


def groups(both: Both) -> list[RowGroups]:
    return [each[1] for each in both.found if each is not None]


def data(test: Any, count: int = ROWS, kind: Any = TensorDataset, **settings: Any) -> DataParts:
    """Return parts whose test loader has batches of that size, or is made of those rows."""
    g = torch.Generator().manual_seed(5)
    x, y = torch.randn(count, 6, generator=g), torch.randint(4, (count,), generator=g)
    rows = kind(x, y)
    loader = DataLoader(rows, test, **settings) if isinstance(test, int) else test(rows)
    return split((DataLoader(TensorDataset(x, y), 16, shuffle=True), DataLoader(rows, 10), loader))


def test_lightning_loads_the_data_once_for_each_seed(both):
    found = both(Table, table(), members(Table, seeds=(3, 1)))
    assert found.loads == 2
    assert not found.why
    assert sum(each is not None for each in found.found) == 6
    assert [len(each.values) for each in groups(found)] == [18] * 6


def test_many_batches_are_the_groups(both):
    found = both(Table, data(2), members(Table))
    assert [each.weights for each in groups(found)] == [(2,) * 22 + (1,)] * 3
    assert found.loads == 1


class Noisy(TensorDataset):
    """Rows with noise of the global generator."""

    def __getitem__(self, index: int) -> Any:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(6), y


def test_seeds_may_see_other_rows(both):
    found = both(Table, data(10, kind=Noisy, shuffle=True), members(Table, seeds=(1, 2)))
    assert found.loads == 2
    assert len({each.data for each in groups(found)}) == 2


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"limit_val_batches": 2}, 20),
        ({"limit_val_batches": 0.5}, 20),
        ({"limit_test_batches": 1}, ROWS),
        ({"max_steps": 2}, ROWS),
    ],
    ids=str,
)
def test_limits_are_those_of_a_validation(both, settings, rows):
    found = both(Table, data(10), members(Table), **settings)
    assert [sum(each.weights) for each in groups(found)] == [rows] * 3
    assert found.loads == 1


class Rows(L.LightningDataModule):
    """Rows of a data module, with a test loader of its own."""

    def setup(self, stage: str) -> None:
        g = torch.Generator().manual_seed(len(stage))
        self.rows = TensorDataset(torch.randn(ROWS, 6, generator=g), torch.randint(4, (ROWS,), generator=g))

    def train_dataloader(self) -> Any:
        return DataLoader(self.rows, 16, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.rows, 10)

    def test_dataloader(self) -> Any:
        return DataLoader(self.rows, 12)


class Halved(Rows):
    """Without a test loader."""

    test_dataloader = L.LightningDataModule.test_dataloader


@pytest.mark.parametrize(
    ("given", "rows"), [(Rows, ROWS), (Rows(), ROWS), (Halved, ROWS // 2)], ids=["class", "object", "halves"]
)
def test_data_modules_give_their_test_loader_or_half_of_the_validation_rows(both, given, rows):
    found = both(Table, split(given), members(Table, seeds=(1, 2)))
    assert [sum(each.weights) for each in groups(found)] == [rows] * 6
    assert found.loads == 2


class Named(Table):
    """Batches are mappings."""

    def loss(self, batch: Any) -> Tensor:
        return super().loss((batch["x"], batch["more"][0])) / batch["scale"]


def named(rows: list[Any]) -> dict[str, Any]:
    x, y = torch.utils.data.default_collate(rows)
    return {"x": x, "more": [y], "scale": 2.0}


def test_batches_may_be_mappings(both):
    rows = TensorDataset(torch.randn(ROWS, 6), torch.randint(4, (ROWS,)))
    loaders = [DataLoader(rows, 10, collate_fn=named) for _ in range(3)]
    found = both(Named, split(tuple(loaders)), members(Named))
    assert [len(each.values) for each in groups(found)] == [33] * 3
    assert found.loads == 1


class Logs(Table):
    """Values that are means over rows, and others."""

    def validation_step(self, batch: Any) -> None:  # type: ignore[override]  # Lightning takes both
        loss = self.loss(batch)
        self.log("val_loss", loss)
        self.log("val_both", loss, on_step=True, on_epoch=True, batch_size=len(batch[0]))
        self.log("val_max", loss, reduce_fx="max")
        self.log("val_square", loss.square())


@pytest.mark.parametrize(
    ("monitor", "unknown"),
    [
        ("val_both_epoch", None),
        ("val_max", "val_max is no mean over rows"),
        ("val_square", "val_square is no mean over rows"),
    ],
)
def test_what_is_no_mean_over_rows_is_said(both, monitor, unknown):
    few = both(Logs, data(15), members(Logs), monitor)
    assert few.loads == 1
    assert [said(each) for each in groups(few)] == [unknown] * 3


def test_few_rows_tell_nothing(both):
    found = both(
        Table, data(lambda rows: DataLoader(torch.utils.data.Subset(rows, range(7)), 5)), members(Table)
    )
    assert [each.unknown for each in groups(found)] == ["there are only 7 batches or rows"] * 3


class Particular(Table):
    """Validation wants at least three rows."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if len(batch[0]) < 3:
            raise ValueError("more rows, please")
        super().validation_step(batch, batch_idx)


class Several(Table):
    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.loss(batch))


class Counting(Table):
    """Validation keeps what it saw, but not within a fit."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if self.trainer.state.fn != "fit":
            self.seen.append(0.0)
        super().validation_step(batch, batch_idx)


class Pair:
    """A batch of a kind that torch does not know."""

    def __init__(self, rows: list[Any]) -> None:
        self.x, self.y = torch.utils.data.default_collate(rows)

    def __getitem__(self, place: int) -> Tensor:
        return (self.x, self.y)[place]

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("make", "test", "why", "unknown"),
    [
        (
            Particular,
            lambda rows: DataLoader(rows, 10),
            "validation_step does not run for many networks at once: more rows, please",
            "validating a part of a batch raised ValueError",
        ),
        (
            Several,
            lambda rows: [DataLoader(rows, 10)] * 2,
            "there are several comparison loaders",
            "there are several comparison loaders",
        ),
        (Table, lambda rows: DataLoader(rows, 30), "the comparison data are too large", None),
        (
            Counting,
            lambda rows: DataLoader(rows, 10),
            "plain twins log something else, or change more than they log",
            None,
        ),
    ],
    ids=["raises", "several", "large", "side effects"],
)
def test_the_unusual_is_compared_network_by_network_and_why_is_told(both, make, test, why, unknown):
    found = both(make, data(test), members(make, seeds=(1, 2)))
    assert (found.loads in (1 + 6, 2 + 6), found.why) == (True, why)
    for each in groups(found):
        assert each.unknown is None if unknown is None else str(each.unknown).startswith(unknown)


def test_batches_of_an_unknown_kind_are_compared_network_by_network(both):
    class Paired(Table):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("val_loss", self.loss(batch), batch_size=len(batch[0]))

    found = both(Paired, data(10, collate_fn=Pair), members(Paired))
    assert (found.loads, found.why) == (1 + 3, "comparison batches hold objects that steps may change")


def test_a_mistake_in_comparing_all_at_once_is_told(monkeypatch):
    def mistaken(self: Any) -> Any:
        raise TypeError("a mistake")

    monkeypatch.setattr(Batches, "parts", mistaken)
    with pytest.raises(NotStackable, match="a mistake"):
        train_stack(Table, table(), members(Table), monitor="val_loss", trainer=LENGTH)


class Scaled(Table):
    """Validation asks the Trainer for its data and what it does."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        assert self.trainer.validating
        loader: Any = self.trainer.val_dataloaders
        self.log("val_loss", self.loss(batch) * len(loader.dataset))


def test_steps_find_the_trainer_that_has_loaded_their_data(both):
    half = data(lambda rows: DataLoader(torch.utils.data.Subset(rows, range(20)), 10))
    assert both(Scaled, half, members(Scaled)).loads == 1


class Refilled:
    """Collation that fills the same tensors again and again."""

    def __init__(self) -> None:
        self.x, self.y = torch.empty(9, 6), torch.empty(9, dtype=torch.long)

    def __call__(self, rows: list[Any]) -> Any:
        for place, (x, y) in enumerate(rows):
            self.x[place], self.y[place] = x, y
        return self.x, self.y


def test_batches_are_those_that_were_loaded(both):
    found = both(Table, data(9, collate_fn=Refilled()), members(Table, seeds=(1, 2)))
    assert found.loads == 2
    assert [len(each.values) for each in groups(found)] == [35] * 6


def test_only_seeds_of_members_that_ask_are_loaded(both):
    stack = [
        Member(assignment=Assignment({"net.1": name}), seed=seed, comparison=seed != 2)
        for seed in (1, 2, 3)
        for name in ("tanh", "silu")
    ]
    found = both(Table, data(10), stack)
    assert found.loads == 2
    assert [each is None for each in found.found].count(True) == 2


def test_one_comparison_is_that_of_a_plain_training(both):
    stack = [Member(assignment=None, seed=1), Member(assignment=None, seed=2, comparison=True)]
    assert both(Table, data(10), stack).loads == 1


def test_buffers_and_slopes_are_those_of_the_members(both):
    names = [("prelu", "swish"), ("silu", "prelu"), ("tanh", "tanh")]
    assert both(Images, images(), members(Images, *names, seeds=(1, 2))).loads == 2


class Steep(Table):
    """Learns so fast that some activations diverge."""

    def loss(self, batch: Any) -> Tensor:
        return (self(20 * batch[0])[:, 0] - batch[0][:, 0]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_members_that_diverged_are_compared_as_they_are(both):
    names = [("relu_squared", "relu_squared"), ("tanh", "tanh")]
    found = both(Steep, data(10), members(Steep, *names), max_epochs=4)
    assert found.loads == 1
    finite = [each[0] == each[0] for each in found.found if each is not None]
    assert sorted(finite) == [False, True]
