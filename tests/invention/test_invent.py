"""An invention goes from a model to a registered formula, and bad input ends it before any training."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import autoact
from autoact.errors import ConfigurationError, DataError, SearchFailedError
from autoact.invention import Invention
from autoact.invention._invent import _best, _chosen
from tests.invention.models import Units


def loaders(rows: int = 400) -> tuple[Any, Any]:
    x = torch.randn(rows, 1, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(x, x * torch.exp(-x * x))
    return DataLoader(data, 100), DataLoader(data, 100)


def never() -> L.LightningModule:
    raise AssertionError("a model was made")


def invent(tmp_path: Path, model: Any = never, rows: int = 400, **settings: Any) -> Invention:
    given = {"name": "of_units", "out": tmp_path / "of_units.py", "trainer": {"max_epochs": 4}, **settings}
    return autoact.invent(model, loaders(rows), monitor="val_loss", **given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "relu"}, "taken by Activation"),
        ({"member": "relu"}, "no free-form activation"),
        ({"member": "linear_spline_5", "require": {"smoothness": 2}}, "0 continuous derivatives"),
        ({"require": {"smoothness": -3}}, "smoothness counts derivatives"),
        ({"seeds": ()}, "seeds is empty"),
        ({"mode": "best"}, "mode is 'best'"),
    ],
)
def test_bad_input_ends_it_before_any_training(settings: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        invent(tmp_path, **settings)
    assert not list(tmp_path.iterdir())


def test_too_few_rows_end_it_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="have 63 rows: too few to learn a shape from; give 64"):
        invent(tmp_path, rows=63)


def test_a_training_that_diverged_has_no_shape() -> None:
    nan = float("nan")
    assert _best({0: nan, 1: 2.0, 2: 1.0}, "min") == 2
    assert _best({0: nan, 1: 2.0, 2: 1.0}, "max") == 1
    with pytest.raises(SearchFailedError, match="All 2 trainings diverged"):
        _best({0: nan, 1: nan}, "min")


def test_one_of_several_shapes_must_be_named() -> None:
    shapes: Any = tuple(type("Shape", (), {"path": path})() for path in ("net.1", "net.3"))
    assert _chosen(shapes, "net.3") is shapes[1]
    assert _chosen(shapes[:1], None) is shapes[0]
    with pytest.raises(ConfigurationError, match=r"one of: net\.1, net\.3"):
        _chosen(shapes, None)


@pytest.mark.slow
def test_a_model_names_what_it_has_learned(tmp_path: Path) -> None:
    found = invent(tmp_path, Units, seeds=(0, 1))
    assert autoact.get("of_units") is found.activation
    assert found.path.read_text().startswith('r"""Activation of_units')
    assert "<- chosen" in found.summary()
    assert set(found.scores) == {0, 1}
    assert found.formula in found.formulas.front
    with pytest.raises(ConfigurationError, match="'of_units' is taken"):
        invent(tmp_path)
