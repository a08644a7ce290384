import itertools

import lightning as L
import pytest
import torch
from torch.utils.data import IterableDataset, TensorDataset

from autoact.errors import DataError
from autoact.training import check, split
from tests.training.models import load

GOOD = TensorDataset(torch.zeros(8, 2), torch.arange(8))


def bad(row, value):
    x = torch.zeros(8, 2)
    x[row, 0] = value
    return TensorDataset(x, torch.arange(8))


def parts(train, validation):
    return split((load(train, batch_size=2), load(validation, batch_size=2), load(GOOD)))


def test_good_data_pass():
    check(parts(GOOD, GOOD))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers_are_located(value):
    with pytest.raises(DataError, match=r"training data hold 1 value .* batch 2 \(of 4 there\)"):
        check(parts(bad(5, value), GOOD))
    with pytest.raises(DataError, match=r"selection data hold 1 value .* batch 0"):
        check(parts(GOOD, bad(0, value)))


def test_nested_batches_are_read():
    rows = [{"image": torch.zeros(2), "more": (torch.tensor([1.0, float("nan")]), "name")}]
    with pytest.raises(DataError, match="selection data hold 1 value"):
        check(parts(GOOD, rows))


def test_an_empty_part_is_named():
    with pytest.raises(DataError, match="selection data are empty"):
        check(parts(GOOD, []))
    with pytest.raises(DataError, match=r"training data are empty.*drop_last"):
        check(split((load(GOOD, batch_size=16, drop_last=True), load(GOOD), load(GOOD))))


def test_a_shuffled_empty_data_set_is_a_data_error():
    class Empty(L.LightningDataModule):
        def train_dataloader(self):
            return load([], shuffle=True)

        def val_dataloader(self):
            return load(GOOD)

    with pytest.raises(DataError, match="empty"):
        check(split(Empty()))


def test_endless_data_are_checked_for_a_while():
    class Endless(IterableDataset):
        def __iter__(self):
            return itertools.repeat(torch.zeros(2))

    check(split((load(Endless()), load(GOOD), load(GOOD))), seconds=0.1)


def test_comparison_data_and_random_state_are_untouched():
    class Untouchable(IterableDataset):
        def __iter__(self):
            raise AssertionError("comparison data were read")

    before = torch.get_rng_state()
    check(split((load(GOOD, shuffle=True), load(GOOD), load(Untouchable()))))
    assert torch.equal(before, torch.get_rng_state())


class Unread(IterableDataset):
    """Data of no known length that nobody may read."""

    def __iter__(self):
        raise AssertionError("comparison data were read")


@pytest.mark.parametrize(
    "test", [load([]), load(GOOD, batch_size=16, drop_last=True), [load([]), load([])], {"a": load([])}]
)
def test_an_empty_test_loader_is_refused_before_training(test):
    with pytest.raises(DataError, match=r"test data are empty.*half of the validation data"):
        check(split((load(GOOD), load(GOOD), test)))


@pytest.mark.parametrize("test", [load(Unread()), [load([]), load(Unread())], [load([]), load(GOOD)]])
def test_a_test_loader_of_unknown_length_is_left_alone(test):
    check(split((load(GOOD), load(GOOD), test)))


def test_a_data_module_is_not_asked_for_its_test_loader():
    class Module(L.LightningDataModule):
        def train_dataloader(self):
            return load(GOOD)

        val_dataloader = train_dataloader

        def test_dataloader(self):
            raise AssertionError("the test loader was made early")

    check(split(Module()))
