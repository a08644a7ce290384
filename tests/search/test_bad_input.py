"""What cannot work is said before anything is trained, and no run directory is left behind."""

from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autoact import run_search
from autoact.errors import (
    AutoActError,
    ConfigurationError,
    ConversionError,
    DataError,
    RunDirectoryError,
    SearchFailedError,
    UnknownActivationError,
)
from tests.search.models import TRAINER, Curve, CurveData, Watched

LOCK = Lock()


class NoActivation(Curve):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))


class Missing(CurveData):
    def train_dataloader(self) -> Any:
        raise FileNotFoundError("rows.csv")


class Raising(Curve):
    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        raise RuntimeError("a bug in the user's model")


class TrainedOnly(Curve):
    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = self._loss(batch)
        self.log("train_loss", loss)
        return loss


class Scored(Curve):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_score", -self._loss(batch))


class NeedsArguments(Curve):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width


class NoValidation(L.LightningDataModule):
    def train_dataloader(self) -> Any:
        return CurveData().train_dataloader()


def loaders(value: float = 0.0, rows: int = 40) -> tuple[DataLoader[Any], ...]:
    x = torch.zeros(rows, 2)
    if rows:
        x[rows // 2] = value
    data = TensorDataset(x, torch.zeros(rows))
    return DataLoader(data, batch_size=8), DataLoader(data, batch_size=8), DataLoader(data, batch_size=8)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"budget": 0}, ConfigurationError, "budget is 0; it must be an integer of at least 1"),
        ({"budget": 0.5}, ConfigurationError, "budget is 0.5; it must be an integer of at least 1"),
        ({"seeds": 1}, ConfigurationError, "seeds is 1; it must be an integer of at least 2"),
        ({"hours": 0}, ConfigurationError, "hours is 0; it must be a number above 0"),
        ({"hours": "ten"}, ConfigurationError, "hours is 'ten'; it must be a number above 0"),
        ({"budgte": 3}, ConfigurationError, "no setting 'budgte'; allowed: monitor, .*Did you mean 'budget'"),
        ({"rungs": False}, ConfigurationError, "no setting 'rungs'"),
        ({"sampler": "optuna.samplers.RandomSample"}, ConfigurationError, "RandomSample"),
        (
            {"space": ["relu"]},
            ConfigurationError,
            "nothing to choose: every layer has relu as its only candidate. Give a space with two",
        ),
        ({"space": ["relu", "tanh", "relu"]}, ConfigurationError, "'relu' is listed twice; remove one"),
        (
            {"monitor": "val_los"},
            ConfigurationError,
            r"monitor 'val_los' was never logged.*logged: val_loss",
        ),
        (
            {"model": Scored, "monitor": "val_score"},
            ConfigurationError,
            "mode is not given and cannot be inferred",
        ),
        (
            {"monitor": "val_score", "mode": "up"},
            ConfigurationError,
            "mode is 'up'; it must be 'min' or 'max'",
        ),
        (
            {"monitor": "vall_loss"},
            ConfigurationError,
            r"monitor 'vall_loss' was never logged.*logged: val_loss",
        ),
        (
            {"model": TrainedOnly, "monitor": "train_loss"},
            ConfigurationError,
            r"'train_loss' was never logged by the validation, only by the training; .*logged: val_loss",
        ),
        ({"space": ["rleu"]}, UnknownActivationError, "rleu.*Did you mean 'relu'"),
        ({"space": "no_such_space"}, ConfigurationError, "no_such_space"),
        (
            {"space": {"candidates": ["relu", "tanh"], "layers": [{"match": "nett.*"}]}},
            ConfigurationError,
            r"'nett\.\*' matches no activation of this model.*net\.1, net\.3",
        ),
        ({"model": NoActivation}, ConversionError, "Nothing to convert in NoActivation.*Linear"),
        ({"model": Curve()}, ConfigurationError, "model is an instance of Curve; it must be a callable"),
        ({"model": "Curve"}, ConfigurationError, "model is 'Curve'; it must be a callable"),
        ({"model": NeedsArguments}, ConfigurationError, "cannot be made: TypeError: .*'width'"),
        (
            {"data": Missing},
            DataError,
            r"data cannot be loaded: FileNotFoundError: rows.csv \(.*line",
        ),
        (
            {"model": lambda: nn.ReLU()},
            ConfigurationError,
            "made an instance of ReLU; it must make a Lightning",
        ),
        ({"trainer": {**TRAINER, "devices": -1}}, ConfigurationError, "devices is -1.*a number of devices"),
        (
            {"model": Raising},
            SearchFailedError,
            "not even for a few steps: RuntimeError: a bug in the user's",
        ),
        (
            {"data": loaders(float("nan"))},
            DataError,
            "training data hold 2 values .* NaN or infinite in batch 2 .*the model's loss is nan there",
        ),
        ({"data": loaders(rows=0)}, DataError, "empty"),
        ({"data": (*loaders()[:2], loaders(rows=0)[0])}, DataError, "test data are empty"),
        ({"data": NoValidation}, DataError, "no val_dataloader"),
        ({"data": 3}, ConfigurationError, "data of type int"),
        (
            {"trainer": {"max_epoch": 3}},
            ConfigurationError,
            "no argument 'max_epoch'. Did you mean 'max_epochs'",
        ),
        ({"trainer": {"max_epochs": 0}}, ConfigurationError, "max_epochs is 0, so nothing would be trained"),
        (
            {"trainer": {**TRAINER, "limit_val_batches": 0}},
            ConfigurationError,
            "limit_val_batches is 0, so nothing would be validated",
        ),
        ({"trainer": {}}, ConfigurationError, "max_epochs, max_steps, max_time"),
        (
            {"workers": 2, "model": lambda lock=LOCK: Curve()},
            ConfigurationError,
            "these cannot: cannot pickle.*or set workers to 1",
        ),
        ({"storage": "nosuch://x"}, ConfigurationError, "storage is 'nosuch://x'; Optuna cannot use it"),
        ({"out": "/proc/no/run"}, RunDirectoryError, "/proc/no/run cannot be created"),
        ({"out": None}, ConfigurationError, "out is not given"),
        ({"out": "missing", "resume": True}, RunDirectoryError, "missing does not exist"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, Any], error: type[AutoActError], message: str
) -> None:
    settings = {"model": Curve, "data": CurveData, "out": tmp_path / "run", "trainer": TRAINER, "quiet": True}
    given = {**settings, **changes}
    with pytest.raises(error, match=f"(?i){message}") as raised:
        run_search(given.pop("model"), given.pop("data"), **given)
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": 0},
        {"seeds": 1},
        {"mode": "up"},
        {"space": ["rleu"]},
        {"space": {"candidates": ["tanh"], "layers": [{"match": "nett.*"}]}},
        {"out": "/proc/no/run"},
    ],
)
def test_nothing_is_trained_before_what_can_be_known_without(tmp_path: Path, changes: dict[str, Any]) -> None:
    log = tmp_path / "log"
    settings = {"data": CurveData, "out": tmp_path / "run", "trainer": TRAINER, "quiet": True}
    given = {**settings, **changes}
    with pytest.raises(AutoActError):
        run_search(partial(Watched, str(log)), given.pop("data"), **given)
    assert not log.exists()


def test_a_monitor_never_logged_costs_one_step(tmp_path: Path) -> None:
    log = tmp_path / "log"
    model = partial(Watched, str(log))
    with pytest.raises(ConfigurationError):
        run_search(model, CurveData, monitor="other_loss", out=tmp_path / "run", trainer=TRAINER, quiet=True)
    assert log.read_text().splitlines() == ["fit", "step"]


def test_a_loss_that_is_no_number_is_found_without_a_step(tmp_path: Path) -> None:
    log = tmp_path / "log"
    model = partial(Watched, str(log))
    with pytest.raises(DataError, match=r"2 values .* in batch 2 .*the model's loss is (inf|nan) there"):
        run_search(model, loaders(float("inf")), out=tmp_path / "run", trainer=TRAINER, quiet=True)
    assert log.read_text().splitlines() == ["fit"]


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [True, False])
def test_what_makes_a_verdict_doubtful_is_told_before_anything_is_trained(
    quiet: bool, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"mode": "max", "trainer": TRAINER, "dry_run": True, "quiet": quiet}
    plan = run_search(Curve, loaders(), **given).plan
    assert plan is not None
    said = (
        "mode is 'max', so the largest val_loss wins, where the name says that smaller is better.",
        "All 40 rows of the validation data are also in the training data.",
        "All 40 rows of the test data are also in the training data.",
        "All 40 rows of the test data are also in the validation data.",
    )
    assert plan.doubts == said
    assert caplog.messages == list(said if quiet else ())
    assert all((f"Warning: {doubt}" in capsys.readouterr().out) is not quiet for doubt in said[:1])
