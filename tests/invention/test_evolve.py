"""Evolution goes from a model to a registered formula; bad input ends it before any training."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import autoact
from autoact.errors import ConfigurationError, SearchFailedError
from autoact.invention import Evolved, evolve
from autoact.invention import _evolve as module
from autoact.training.stack import NotStackable
from tests.invention.models import Units


class Four(Units):
    width = 4


class Broken(Four):
    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val_loss", torch.tensor(float("nan")))


def never() -> L.LightningModule:
    raise AssertionError("a model was made")


def evolved(tmp_path: Path, model: Any = Four, name: str = "of_evolution", **settings: Any) -> Evolved:
    x = torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(x, x * torch.exp(-x * x))
    return evolve(
        model,
        (DataLoader(data, 100), DataLoader(data, 400)),
        **{
            "name": name,
            "out": tmp_path / f"{name}.py",
            "monitor": "val_loss",
            "trainer": {"max_epochs": 3, "accelerator": "cpu"},
            "budget": 32,
            **settings,
        },
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "relu"}, "taken by Activation"),
        ({"budget": 31}, "budget of 31 breeds nothing"),
        ({"require": {"smoothness": -3}}, "smoothness counts derivatives"),
        ({"mode": "best"}, "mode is 'best'"),
    ],
)
def test_bad_input_ends_it_before_any_training(settings: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        evolved(tmp_path, never, **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_model_breeds_an_activation_that_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(autoact.list_activations())
    found = evolved(tmp_path, require={"smoothness": 1})
    assert autoact.get("of_evolution") is found.activation
    assert set(autoact.list_activations()) == before | {"of_evolution"}  # none of those that were tried
    assert autoact.analysis.smoothness("of_evolution") >= 1
    text = found.path.read_text()
    assert "Formula that was bred from others." in text
    assert "CURVE" not in text
    assert "chosen among 16" in found.summary()

    def not_stacked(*_: Any, **__: Any) -> None:
        raise NotStackable("a test")

    monkeypatch.setattr(module, "train_stack", not_stacked)
    alone = evolved(tmp_path, name="one_by_one", require={"smoothness": 1})
    assert next(iter(alone.values)) == next(iter(found.values))
    assert list(alone.values.values()) == pytest.approx(list(found.values.values()), rel=1e-3)


@pytest.mark.slow
def test_more_is_better_where_the_mode_is_max(tmp_path: Path) -> None:
    found = evolved(tmp_path, name="worst", mode="max")
    first = list(found.values.values())
    assert first[0] == max(first[:4])


@pytest.mark.slow
def test_trainings_that_all_diverge_end_it(tmp_path: Path) -> None:
    with pytest.raises(SearchFailedError, match="None of the 16 formulas that were trained is new"):
        evolved(tmp_path, Broken, name="of_nothing")
    assert not list(tmp_path.iterdir())
