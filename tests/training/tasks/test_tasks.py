from typing import Any

import lightning as L
import pytest
import torch

from autoact.errors import ConfigurationError
from autoact.training.fit import silent_trainer
from autoact.training.tasks import DigitsData, DigitsModel, get_task


def test_digits_parts_are_disjoint_repeatable_and_complete() -> None:
    first, second = DigitsData(), DigitsData()
    first.setup()
    second.setup("fit")
    assert [len(first.parts[part]) for part in ("train", "val", "test")] == [1077, 360, 360]
    for part in first.parts:
        assert torch.equal(first.parts[part].tensors[0], second.parts[part].tensors[0])
    images = torch.cat([part.tensors[0] for part in first.parts.values()])
    assert len(images.unique(dim=0)) == 1797


@pytest.mark.slow
def test_digits_learns_within_its_epochs() -> None:
    L.seed_everything(1, verbose=False)
    task = get_task("digits")
    trainer = silent_trainer(task.trainer)
    trainer.fit(task.model(), datamodule=task.data())
    assert trainer.callback_metrics[task.monitor] < 0.35
    assert trainer.callback_metrics["val_acc"] > 0.9


def test_the_model_restores_from_its_hyperparameters() -> None:
    assert dict(DigitsModel(width=16).hparams) == {"width": 16, "lr": 2e-3}


def test_an_unknown_task_is_named_with_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match=r"No task named 'digit'. Did you mean 'digits'\?"):
        get_task("digit")


@pytest.mark.parametrize("name", ["cancer", "diabetes", "friedman", "clusters", "spirals"])
def test_a_table_has_three_parts_for_its_model(name: str) -> None:
    task = get_task(name)
    data, model = task.data(), task.model()
    parts = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    x, y, fold = next(iter(parts[0]))
    assert model(x).shape[: len(y.shape)] == y.shape
    assert y.is_floating_point() == (not model.classification)
    assert fold.unique().tolist() == [-1]
    rows = torch.cat([part.dataset.tensors[0] for part in parts])
    assert len(rows.unique(dim=0)) == len(rows)
    training = parts[0].dataset.tensors[0]
    assert training.mean(0).abs().max() < 0.05  # standardized on them, wild rows cut


def test_a_table_may_have_another_network() -> None:
    make: Any = get_task("cancer").model
    model = make(network=torch.nn.Linear)
    assert str(model.net) == "Linear(in_features=30, out_features=2, bias=True)"
    assert "network" not in model.hparams
