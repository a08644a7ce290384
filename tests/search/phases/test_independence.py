"""Every training is one of its own: no shared network, no seed of the model's own, no value carried over."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchmetrics import MaxMetric, MinMetric

from autoact import run_search
from autoact.errors import ConfigurationError
from autoact.search import SearchResult
from autoact.training import train
from tests.search.models import SMALLEST, TRAINER, Curve, CurveData


def search(model: Callable[[], Any], out: Path, **changes: Any) -> SearchResult:
    return run_search(model, CurveData, out=out, **{**SMALLEST, **changes})


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0))


class Lit(Curve):
    """A curve on a network from outside."""

    def __init__(self, net: nn.Sequential) -> None:
        L.LightningModule.__init__(self)
        self.lr = 1e-2
        self.net = net


class OnFeatures(Curve):
    """A head on features from outside, which has activations too."""

    def __init__(self, features: nn.Module, holder: bool = False) -> None:
        L.LightningModule.__init__(self)
        self.net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0))
        self.features: Any = [features] if holder else features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.features[0] if isinstance(self.features, list) else self.features
        return self.net(features(x))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        features = self.features[0] if isinstance(self.features, list) else self.features
        return torch.optim.Adam([*self.net.parameters(), *features.parameters()], lr=1e-2)


def features() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU())


def test_a_network_that_all_trainings_share_is_refused(tmp_path: Path) -> None:
    """Fault A2: the values fell from seed to seed, because each training went on with the same weights."""
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    why = r"net is one object in every model .* a training changes it \(net\.0\.weight\).*Make it inside"
    with pytest.raises(ConfigurationError, match=why):
        search(lambda: Lit(net), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert [type(layer).__name__ for layer in net] == ["Linear", "ReLU", "Linear", "Flatten"]
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("holder", [False, True])
def test_a_shared_part_that_is_trained_is_refused_wherever_it_is_kept(tmp_path: Path, holder: bool) -> None:
    shared = features()
    with pytest.raises(ConfigurationError, match=r"features(\.0)? is one object in every model"):
        search(lambda: OnFeatures(shared, holder), tmp_path / "run")


def test_running_statistics_are_state(tmp_path: Path) -> None:
    shared = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8)).requires_grad_(False)
    with pytest.raises(ConfigurationError, match=r"training changes it \(features\.1\.running_mean\)"):
        search(lambda: OnFeatures(shared), tmp_path / "run")


@pytest.mark.slow
def test_a_frozen_shared_part_is_fine_and_stays_as_it_was(tmp_path: Path) -> None:
    shared = features().requires_grad_(False)
    result = search(lambda: OnFeatures(shared), tmp_path / "run")
    assert set(result.original) == {"net.1", "features.1"}
    assert type(shared[1]) is nn.ReLU
    originals = [training for training in result.trainings if training.label == "original"]
    assert len({training.selection for training in originals}) == len(originals)


class SeedsInInit(Curve):
    """A model that seeds itself before it makes its layers."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        super().__init__()


class SeedsInHook(Curve):
    """A model that seeds itself as its training begins."""

    def on_fit_start(self) -> None:
        torch.manual_seed(3)


class Pretrained(Curve):
    """A model whose weights come from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            for number, parameter in enumerate(self.parameters()):
                parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter) * (number + 1))


def test_a_model_that_seeds_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"SeedsInInit seeds itself when it is made.*Remove manual_seed"
    ):
        search(SeedsInInit, tmp_path / "run")
    with pytest.raises(ConfigurationError, match=r"SeedsInHook seeds itself in a hook"):
        search(SeedsInHook, tmp_path / "run")


def test_pretrained_weights_are_no_seed_but_are_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"Pretrained has the same initial weights with every seed"):
        search(Pretrained, tmp_path / "run", dry_run=True)


class Best(Curve):
    """A model that logs the best value so far.

    Args:
        keeps: Makes a metric that keeps it; None keeps it in an attribute.
        fitting: Whether only validations during a fit count.
    """

    def __init__(self, keeps: Callable[[], Any] | None = None, fitting: bool = False) -> None:
        super().__init__()
        self.best, self.values, self.fitting = float("inf"), list[float](), fitting
        self.metric = None if keeps is None else keeps()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.values.append(float(self._loss(batch)))

    def on_validation_epoch_end(self) -> None:
        value = sum(self.values) / len(self.values)
        self.values.clear()
        if self.metric is not None:
            self.metric(value)
        elif not self.fitting or self.trainer.state.fn == "fit":
            self.best = min(self.best, value)
        self.log("val_loss", self.best if self.metric is None else self.metric.compute())


class Running(Best):
    """A model that logs a running mean over validations."""

    def on_validation_epoch_end(self) -> None:
        value = sum(self.values) / len(self.values)
        self.values.clear()
        self.best = value if self.best == float("inf") else 0.9 * self.best + 0.1 * value
        self.log("val_loss", self.best)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [Best, lambda: Best(MinMetric), lambda: Best(MaxMetric), lambda: Best(fitting=True), Running],
    ids=["attribute", "MinMetric", "MaxMetric", "only during a fit", "running mean"],
)
def test_a_value_that_carries_earlier_validations_is_refused(tmp_path: Path, model: Any) -> None:
    """Fault A3: comparison and selection were equal digit for digit."""
    with pytest.raises(ConfigurationError, match=r"logs as 'val_loss' depends on validations before it"):
        search(model, tmp_path / "run")


class Changing(Curve):
    """A model whose value depends on attributes, the epoch and random numbers, yet on no validation."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = 1.0

    def on_train_batch_end(self, *args: Any) -> None:
        self.scale *= 1.01

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        noisy = self(x + 0.1 * torch.randn_like(x))
        self.log("val_loss", self.scale * functional.mse_loss(noisy, y) + 0.1 * self.current_epoch)


class Constant(Curve):
    """A model whose value is another constant in each module."""

    def __init__(self) -> None:
        super().__init__()
        self.noise = float(torch.rand(()))

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.noise)


class Coarse(Curve):
    """A model whose value is an accuracy that is the same for most weights."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_acc", (self(batch[0]).sign() == 2).float().mean())


class Averaged(Curve):
    """Validates averages that it keeps in a dictionary."""

    def on_fit_start(self) -> None:
        self.average = {name: p.detach().clone() for name, p in self.named_parameters()}

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        for name, p in self.named_parameters():
            self.average[name].lerp_(p.detach(), 0.5)

    def swap(self) -> None:
        for name, p in self.named_parameters():
            p.data, self.average[name] = self.average[name], p.data

    def on_validation_epoch_start(self) -> None:
        if hasattr(self, "average"):
            self.swap()

    on_validation_epoch_end = on_validation_epoch_start


@pytest.mark.slow
def test_what_is_not_carried_over_is_no_error(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(Changing, tmp_path / "changing", dry_run=True)
        search(Constant, tmp_path / "constant", dry_run=True)
        search(Coarse, tmp_path / "coarse", dry_run=True, monitor="val_acc")
        search(Averaged, tmp_path / "averaged", dry_run=True)


def test_metrics_are_reset_before_the_comparison() -> None:
    found = train(
        lambda: Best(MinMetric), CurveData, seed=1, monitor="val_loss", trainer=TRAINER, comparison=True
    )
    plain = train(Curve, CurveData, seed=1, monitor="val_loss", trainer=TRAINER, comparison=True)
    assert found.comparison == pytest.approx(plain.comparison)


@pytest.mark.slow
def test_equal_numbers_on_other_data_are_a_remark(tmp_path: Path) -> None:
    data = CurveData()
    same = (data.train_dataloader(), data.val_dataloader(), data.val_dataloader())
    result = run_search(Curve, same, out=tmp_path / "run", **SMALLEST)
    (remark,) = result.report["remarks"]
    assert remark.startswith(
        "val_loss is the same number on selection and comparison data in 4 of 4 trainings"
    )
    paragraphs = result.summary().split("\n\n")
    assert paragraphs[0].startswith("Verdict: ")
    assert paragraphs[1] == remark


class Counting(Curve):
    """A model whose loss fades with the steps of all trainings together."""

    steps = 0

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        Counting.steps += 1
        return super().training_step(batch, batch_idx) / Counting.steps

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_what_outlives_a_training_is_told(tmp_path: Path) -> None:
    """Later trainings would be worse for it, and the verdict with them."""
    with pytest.warns(UserWarning, match=r"of Counting with the same seed ended with val_loss \S+ and \S+:"):
        search(Counting, tmp_path / "run", dry_run=True)


class Unoptimized(Curve):
    """Lightning says in a warning that such a fit trains nothing, which a search silences."""

    def configure_optimizers(self) -> Any:
        return None


def test_a_model_that_no_step_changes_is_told(tmp_path):
    with pytest.warns(UserWarning, match="Unoptimized has no optimizer: its configure_opt"):
        search(Unoptimized, tmp_path / "run", dry_run=True)
