import lightning as L
import pytest
import torch
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch.utils.data import ConcatDataset, Subset, SubsetRandomSampler, TensorDataset

from autoact.training import overlaps, split
from tests.training.models import load

X = torch.zeros(12)
ROWS, OTHER, THIRD = (TensorDataset(torch.arange(12.0)) for _ in range(3))


def part(first, last):
    return load(Subset(ROWS, range(first, last)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            (load(ROWS), load(OTHER), load(ROWS)),
            ["All 12 rows of the test data are also in the training data."],
        ),
        ((load(ROWS), load(ROWS)), ["All 12 rows of the validation data are also in the training data."]),
        (
            (load(ROWS), load(OTHER), load(OTHER)),
            ["All 12 rows of the test data are also in the validation data."],
        ),
        ((part(0, 7), part(6, 10)), ["1 of 4 rows of the validation data is also in the training data."]),
        ((load(ROWS), part(6, 10)), ["All 4 rows of the validation data are also in the training data."]),
        (
            (load(TensorDataset(X)), load(TensorDataset(X))),
            ["All 12 rows of the validation data are also in the training data."],
        ),
        (
            (load(ConcatDataset([OTHER, ROWS])), {"a": load(THIRD), "b": part(0, 3)}),
            ["3 of 15 rows of the validation data are also in the training data."],
        ),
        (
            (
                load(ROWS, sampler=SubsetRandomSampler([0, 1])),
                load(ROWS, sampler=SubsetRandomSampler([1, 2, 3])),
            ),
            ["1 of 3 rows of the validation data is also in the training data."],
        ),
        (
            (load(ROWS), load(OTHER), CombinedLoader([load(THIRD), load(OTHER)])),
            ["12 of 24 rows of the test data are also in the validation data."],
        ),
    ],
)
def test_rows_in_two_parts_are_told(data, said):
    assert overlaps(split(data)) == said


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(ROWS)


@pytest.mark.parametrize(
    "data",
    [
        (load(ROWS), load(OTHER), load(THIRD)),
        (part(0, 6), part(6, 9), part(9, 12)),
        (load(TensorDataset(X[:6])), load(TensorDataset(X[6:]))),
        (load(ROWS, sampler=SubsetRandomSampler([0, 1])), load(ROWS, sampler=SubsetRandomSampler([2, 3]))),
        (load(Stream()), load(ROWS), load(Stream())),
        ([[0.0]], load(ROWS), [[1.0]]),
    ],
)
def test_parts_apart_or_of_unknown_rows_are_not(data):
    assert overlaps(split(data)) == []


class Twice(L.LightningDataModule):
    def setup(self, stage):
        assert stage == "fit", "test data are not asked for"
        self.rows = [0.0, 1.0, 2.0]

    def train_dataloader(self):
        return load(self.rows, shuffle=True)

    val_dataloader = test_dataloader = train_dataloader


def test_a_data_module_is_looked_at_without_its_test_loader():
    state = torch.get_rng_state()
    assert overlaps(split(Twice)) == ["All 3 rows of the validation data are also in the training data."]
    assert torch.equal(state, torch.get_rng_state())
