import itertools

import lightning as L
import pytest
import torch
from torch.utils.data import IterableDataset, TensorDataset

from autoact.errors import DataError
from autoact.training import DoubtfulBatch, check, split
from tests.training.models import load

GOOD = TensorDataset(torch.zeros(8, 2), torch.arange(8))


def bad(row, value):
    x = torch.zeros(8, 2)
    x[row, 0] = value
    return TensorDataset(x, torch.arange(8))


def parts(train, validation):
    return split((load(train, batch_size=2), load(validation, batch_size=2), load(GOOD)))


def told(train, validation):
    return [str(batch) for batch in check(parts(train, validation))]


def test_good_data_pass():
    assert check(parts(GOOD, GOOD)) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers_are_located(value):
    said = "The {} data hold 1 value that is NaN or infinite in batch {} (of 4 there)"
    assert told(bad(5, value), GOOD) == [said.format("training", 2)]
    assert told(bad(5, value), bad(0, value)) == [said.format("training", 2), said.format("selection", 0)]


def test_the_error_names_what_a_model_makes_of_them():
    error = DoubtfulBatch(part="training", batch=3, values=2, total=8).refused("the loss is nan there")
    assert isinstance(error, DataError)
    assert str(error) == (
        "The training data hold 2 values that are NaN or infinite in batch 3 (of 8 there), and the loss is "
        "nan there. Remove or fill such rows before the search, or leave them out of the loss."
    )


def test_nested_batches_are_read():
    rows = [{"image": torch.zeros(2), "more": (torch.tensor([1.0, float("nan")]), "name")}]
    assert told(GOOD, rows) == [
        "The selection data hold 1 value that is NaN or infinite in batch 0 (of 2 there)"
    ]


def test_training_batches_with_most_of_them_and_the_first_in_each_place_are_kept():
    rows = torch.zeros(40, 4)
    for batch in range(20):
        rows[2 * batch, : batch % 4 + 1] = float("nan")
    elsewhere = torch.zeros(40)
    elsewhere[25] = float("inf")
    found = check(parts(TensorDataset(rows, elsewhere), bad(0, float("nan"))))
    assert [batch.batch for batch in found] == [*range(20), 0]
    kept = {batch.batch for batch in found if batch.content is not None and batch.part == "training"}
    assert {0, 12} < kept
    assert {3, 7, 11, 15, 19} < kept
    assert len(kept) == 10
    assert torch.equal(found[12].content[1], torch.tensor([0.0, float("inf")]))
    assert found[-1].content is None  # the validation reads it anyway


@pytest.mark.parametrize("collection", [dict, list], ids=str)
def test_batches_of_several_training_loaders_are_kept_as_a_step_gets_them(collection):
    loaders = {"a": load(GOOD, batch_size=4), "b": load(bad(5, float("nan")), batch_size=2)}
    given = loaders if collection is dict else list(loaders.values())
    (found,) = check(split((given, load(GOOD), load(GOOD))))
    assert found.batch == 2
    first, second = found.content.values() if collection is dict else found.content
    assert first[0].shape == (4, 2)
    assert second[0].isnan().any()


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
