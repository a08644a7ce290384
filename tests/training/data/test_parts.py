import pickle

import lightning as L
import pytest
import torch
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from autoact.errors import ConfigurationError, DataError
from autoact.training import split
from tests.training.models import load

MODULE = L.LightningModule()


class Counting(L.LightningDataModule):
    """Divides its data anew in every setup, and counts."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def setup(self, stage):
        order = torch.randperm(40).tolist()
        self.training, self.validation = order[:20], order[20:]
        self.calls.append(stage)

    def train_dataloader(self):
        return load(self.training, batch_size=5)

    def val_dataloader(self):
        return load(self.validation, batch_size=5)


class WithTest(Counting):
    def test_dataloader(self):
        self.calls.append("test loader")
        return load([100, 101])


def values(loader):
    return {int(value) for batch in loader for value in batch}


def test_two_loaders_halve_the_validation_data():
    parts = split((load(range(8)), load(range(10))), seed=1)
    assert parts.source == "half of the validation data"
    assert values(parts.selection()) | values(parts.comparison()) == set(range(10))
    assert not values(parts.selection()) & values(parts.comparison())
    assert values(parts.train()) == set(range(8))


def test_a_third_loader_is_the_comparison():
    train, validation, test = load([1]), load([2]), load([3])
    parts = split((train, validation, test))
    assert parts.source == "test loader"
    assert (parts.train(), parts.selection(), parts.comparison()) == (train, validation, test)


def test_test_data_are_untouched_until_the_comparison():
    data = WithTest()
    parts = split(data)
    parts.train(), parts.selection()
    assert parts.source == "test loader"
    assert "test loader" not in data.calls
    assert "test" not in data.calls
    assert values(parts.comparison()) == {100, 101}
    assert data.calls[-2:] == ["test", "test loader"]


def test_a_module_that_divides_anew_never_compares_on_rows_it_trained_on():
    opened = split(Counting).open()
    train, selection = opened.loaders()
    with opened.given("comparison", MODULE) as arguments:
        arguments["datamodule"].setup(
            "validate"
        )  # what Lightning does next: the module now holds another division
        comparison = arguments["datamodule"].val_dataloader()
    rows = [values(train), values(selection), values(comparison)]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 40


def test_the_data_module_is_itself_again_afterwards():
    data = Counting()
    opened = split(data).open()
    with opened.given("training", MODULE):
        assert "val_dataloader" in vars(data)
    assert "val_dataloader" not in vars(data)


def test_parts_pickle():
    parts = pickle.loads(pickle.dumps(split((load(range(8)), load(range(10))), seed=7)))
    assert len(values(parts.selection())) == 5


@pytest.mark.parametrize("data", [3, (load([1]),), "digits", lambda: 3])
def test_other_things_are_refused_by_type(data):
    with pytest.raises(ConfigurationError, match="Got"):
        split(data)


def test_without_validation_data_there_is_nothing_to_search_by():
    class TrainingOnly(L.LightningDataModule):
        def train_dataloader(self):
            return load([1])

    with pytest.raises(DataError, match="TrainingOnly has no val_dataloader"):
        split(TrainingOnly())
    with pytest.raises(DataError, match="no validation data"):
        split((load([1]), None)).selection()
    with pytest.raises(DataError, match="no training data"):
        split((None, load([1]))).train()


@pytest.mark.parametrize(
    "given", [list, tuple, lambda pair: dict(zip("ab", pair, strict=True)), CombinedLoader]
)
def test_the_example_is_the_first_batch_of_the_first_loader(given):
    validation = given([load([1, 2], batch_size=2), load([3])])
    assert split((load([0]), validation, load([4]))).example().tolist() == [1, 2]


def test_without_a_batch_there_is_no_example():
    with pytest.raises(DataError, match="no loader of them gives a batch"):
        split((load([0]), [load([])], load([4]))).example()


def test_the_error_counts_loaders_as_people_do():
    with pytest.raises(ConfigurationError, match=r"Got 1 loader; give \(train, validation\)"):
        split((load([0]),))


def test_a_module_that_divides_anew_never_tests_on_rows_it_trained_on():
    class Divided(WithTest):
        def test_dataloader(self):
            return load(self.validation[10:], batch_size=5)

    data = Divided()
    opened = split(data).open()
    with opened.given("training", MODULE) as arguments:
        arguments["datamodule"].setup("fit")
        train = values(arguments["datamodule"].train_dataloader())
        arguments["datamodule"].val_dataloader()
    with opened.given("comparison", MODULE) as arguments:
        arguments["datamodule"].setup("validate")
        assert values(arguments["datamodule"].val_dataloader()).isdisjoint(train)
    del data.training  # as a `teardown` does
    with opened.given("training", MODULE) as arguments:  # a second fit goes on with the same rows
        arguments["datamodule"].setup("fit")
        assert values(arguments["datamodule"].train_dataloader()) == train
