"""Values by group of comparison rows, for modules that log in all kinds of ways."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
from lightning.pytorch import LightningDataModule
from torch import nn
from torch.utils.data import DataLoader

from autoact.errors import ConfigurationError, DataError
from autoact.records import RowGroups
from autoact.training import GroupBatchSampler, check, split
from autoact.training._compat import replaced
from autoact.training.data import has_groups
from autoact.training.fit._row_groups import RowWatch
from tests.training.models import LENGTH, Regression, rows

ROWS = 40


class WithMetric(Regression):
    """The same, with a metric object that is only updated."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Any = self.metric()

    def metric(self) -> torchmetrics.Metric:
        return torchmetrics.MeanSquaredError()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.error.update(self.net(batch[0]), batch[1])
        self.log("val_loss", self.error)


class WithRoot(WithMetric):
    """The same, with a root, which is no mean over rows."""

    def metric(self) -> torchmetrics.Metric:
        return torchmetrics.MeanSquaredError(squared=False)


class AtTheEnd(Regression):
    """The same, with values that are gathered, and logged at the end of the epoch."""

    def on_validation_epoch_start(self) -> None:
        self.gathered: list[torch.Tensor] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.gathered.append((self.net(batch[0]) - batch[1]) ** 2)

    def on_validation_epoch_end(self) -> None:
        self.log("val_loss", torch.cat(self.gathered).mean())


class Largest(Regression):
    """The same, with the largest error of all batches."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch), reduce_fx="max")


class Particular(Regression):
    """The same, which wants at least three rows."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if len(batch[0]) < 3:
            raise ValueError("more rows, please")
        super().validation_step(batch, batch_idx)


class Ragged(Regression):
    """The same, on batches with a tensor that is not as long as the others."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch[:2]), batch_size=len(batch[0]))


def ragged(batch: list[Any]) -> Any:
    return (*torch.utils.data.default_collate(batch), torch.arange(3))


class Unnumbered(Regression):
    """The same, without the number of the batch."""

    def validation_step(self, batch: Any) -> None:  # type: ignore[override]  # Lightning takes both
        self.log("val_loss", self.loss(batch))


class Inplace(Regression):
    """The same, on batches that it changes."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        batch[0].mul_(2)
        super().validation_step(batch, batch_idx)


@pytest.fixture
def compare(run, loaders):
    def call(make: Any, size: int, count: int = ROWS, **settings: Any) -> Any:
        test = DataLoader(rows(count, seed=2), size, **settings)
        return run(make, (*loaders, test), comparison=True, trainer={**LENGTH, "max_epochs": 1})

    return call


def mean(found: RowGroups) -> float:
    assert found.unknown is None
    return sum(v * w for v, w in zip(found.values, found.weights, strict=True)) / sum(found.weights)


def test_many_batches_are_the_groups(compare):
    found = compare(Regression, 2)
    assert found.rows.weights == (2,) * 20
    assert mean(found.rows) == pytest.approx(found.comparison, rel=1e-6)
    assert len(set(found.rows.values)) == 20


@pytest.mark.parametrize("make", [Regression, WithMetric, AtTheEnd])
@pytest.mark.parametrize("size", [1, 7, ROWS])
def test_however_a_mean_is_logged_and_batched(compare, make, size):
    found = compare(make, size)
    plain = compare(Regression, size)
    assert found.comparison == pytest.approx(plain.comparison, rel=1e-6)
    assert found.rows.values == pytest.approx(plain.rows.values, rel=1e-5)
    assert sum(found.rows.weights) == ROWS
    assert len(found.rows.values) >= 32


@pytest.mark.parametrize("make", [Unnumbered, Inplace])
def test_parts_are_validated_as_batches_are(compare, make):
    found = compare(make, 10)
    assert mean(found.rows) == pytest.approx(found.comparison, rel=1e-6)
    assert found.rows.weights == (2, 2, 1, 1, 1, 1, 1, 1) * 4


def test_groups_are_rows_of_their_own(make_trainer):
    """A module whose loss is its target: every row is in one group."""

    class Target(Regression):
        def loss(self, batch: Any) -> Any:
            return batch[1].double().mean()

    data = torch.utils.data.TensorDataset(torch.zeros(20, 3), 2.0 ** torch.arange(20)[:, None])
    trainer, module = make_trainer(), Target()
    watch = RowWatch(module, "val_loss")
    with watch.watching():
        trainer.validate(module, DataLoader(data, 10), verbose=False)
    value = float(trainer.callback_metrics["val_loss"])
    found = watch.groups(value)
    assert sorted(found.values) == [2.0**n for n in range(20)]
    assert found.values != tuple(sorted(found.values))  # taken at random
    assert value == pytest.approx(sum(found.values) / 20)
    assert not {"validation_step", "log", "on_validation_end"} & set(module.__dict__)


def test_thousands_of_batches_make_64_groups(compare):
    found = compare(Regression, 1, count=150)
    assert len(found.rows.values) == 64
    assert sum(found.rows.weights) == 150
    assert mean(found.rows) == pytest.approx(found.comparison, rel=1e-6)


@pytest.mark.parametrize(("make", "size"), [(WithRoot, 7), (Largest, 7), (Largest, 2), (WithRoot, 2)])
def test_what_is_no_mean_over_rows_is_said(compare, make, size):
    found = compare(make, size)
    assert (found.rows.values, found.rows.weights) == ((), ())
    assert "val_loss is no mean over rows: by groups of rows it is" in found.rows.unknown


def test_the_value_is_that_of_a_plain_validation(compare):
    root, squared = compare(WithRoot, 7), compare(WithMetric, 7)
    assert root.comparison == pytest.approx(squared.comparison**0.5, rel=1e-6)


def test_batches_that_cannot_be_divided_are_the_groups_where_they_are_enough(compare):
    assert compare(Ragged, 4, collate_fn=ragged).rows.weights == (4,) * 10
    few = compare(Ragged, 10, collate_fn=ragged).rows
    assert few.unknown == "there are only 4 batches or rows"
    assert "validating a part of a batch raised ValueError: more rows" in compare(Particular, 10).rows.unknown


def test_few_rows_tell_nothing(compare):
    assert compare(Regression, 7, count=7).rows.unknown == "there are only 7 batches or rows"


def test_several_comparison_loaders_tell_nothing(run, loaders):
    class Two(Regression):
        def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            self.log("val_loss", self.loss(batch))

    tests = [DataLoader(rows(ROWS, seed=2), 2)] * 2
    found = run(Two, (*loaders, tests), comparison=True)
    assert found.rows.unknown == "there are several comparison loaders"


def test_the_same_rows_in_another_order_are_noticed(compare, run, loaders):
    first, second = (compare(Regression, 10).rows for _ in range(2))
    assert first == second
    test = DataLoader(rows(ROWS, seed=2), 10, shuffle=True)
    shuffled = [run(data=(*loaders, test), comparison=True, seed=seed).rows for seed in (1, 2)]
    assert shuffled[0].data != shuffled[1].data


def test_nothing_is_known_unless_comparison_data_are_read(run):
    assert run().rows is None


def test_methods_are_put_back():
    module = nn.Identity()
    with pytest.raises(ValueError, match="once"), replaced(module, forward=lambda x: 2 * x):
        raise ValueError("once")
    assert module(3) == 3


@pytest.mark.parametrize("make", [Regression, WithMetric, AtTheEnd])
@pytest.mark.parametrize("groups", [4, 9, 20])
def test_groups_that_are_given_stay_whole(run, loaders, make, groups):
    """However few they are: other rows of a group are no evidence for other groups."""
    numbers = [row * row % groups for row in range(ROWS)]
    sizes = sorted(Counter(numbers).values())
    data = rows(ROWS, seed=2)
    given = DataLoader(data, batch_sampler=GroupBatchSampler(numbers))
    found = run(make, (*loaders, given), comparison=True, trainer={**LENGTH, "max_epochs": 1})
    plain = run(
        Regression, (*loaders, DataLoader(data, 10)), comparison=True, trainer={**LENGTH, "max_epochs": 1}
    )
    assert found.comparison == pytest.approx(plain.comparison, rel=1e-6)
    if len(sizes) < 4:
        assert found.rows.unknown == f"there are only {len(sizes)} groups of rows"
    else:
        assert sorted(found.rows.weights) == sizes
        assert mean(found.rows) == pytest.approx(found.comparison, rel=1e-6)


def test_groups_of_a_data_module_stay_whole(run, loaders):
    class Held(LightningDataModule):
        def train_dataloader(self) -> Any:
            return loaders[0]

        def val_dataloader(self) -> Any:
            return loaders[1]

        def test_dataloader(self) -> Any:
            groups = [row % 5 for row in range(ROWS)]
            return DataLoader(rows(ROWS, seed=2), batch_sampler=GroupBatchSampler(groups))

    found = run(Regression, Held, comparison=True, trainer={**LENGTH, "max_epochs": 1})
    assert (found.rows.weights, found.rows.grouped) == ((8,) * 5, True)


def test_only_groups_throughout_are_groups():
    data = rows(2, seed=0)
    given, plain = DataLoader(data, batch_sampler=GroupBatchSampler("ab")), DataLoader(data)
    assert has_groups({"a": given, "b": [given]})
    assert not has_groups([given, plain])
    assert not has_groups([])


@pytest.mark.parametrize("groups", ["ab", "abca"])
def test_groups_of_other_rows_are_refused_before_training(loaders, groups):
    """A sampler of fewer rows would leave the others out without a word."""
    given = DataLoader(rows(3, seed=0), batch_sampler=GroupBatchSampler(groups))
    with pytest.raises(DataError, match=rf"groups of {len(groups)} rows.* has 3"):
        check(split((*loaders, given)))


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_groups_may_come_in_any_form(kind):
    assert list(GroupBatchSampler(kind([7, 3, 7]))) == [[0, 2], [1]]


def test_there_is_a_batch_at_least():
    with pytest.raises(ConfigurationError, match="most is 0; it must be at least 1"):
        GroupBatchSampler("ab", most=0)


def test_more_groups_than_a_verdict_keeps_share_batches():
    batches = list(GroupBatchSampler(row // 2 for row in range(400)))
    assert len(batches) == len(GroupBatchSampler(range(64))) == 64
    assert {len(batch) for batch in batches} == {6, 8}
    assert all(row ^ 1 in batch for batch in batches for row in batch)  # whole groups
    assert sorted(row for batch in batches for row in batch) == list(range(400))
