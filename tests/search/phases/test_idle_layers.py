"""Idle layers: what runs neither in a training step nor in a validation is not searched."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml
from torch import Tensor, nn

from autoact import run_search
from autoact.errors import ConversionError
from tests.search.models import TRAINER, CurveData

TABLE = {"silu": nn.SiLU()}
SMALL: dict[str, Any] = {
    "space": {"name": "two", "candidates": ["relu", "tanh"], "layers": [{"match": "block.*"}]},
    "budget": 2,
    "seeds": 2,
    "selection_seeds": 2,
    "trainer": TRAINER,
    "quiet": True,
}
NEVER = "never called in a training step or a validation"


class Block(nn.Module):
    """Keeps one activation for information beside the one of a table, and one for each mode."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 4), nn.Linear(4, 1)
        self.info, self.act = TABLE["silu"], nn.ReLU()
        self.train_only, self.eval_only = nn.ELU(), nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(TABLE["silu"](self.a(x)))
        return self.b(self.train_only(h) if self.training else self.eval_only(h)).flatten()


class WithoutForward(L.LightningModule):
    """Calls its submodules in its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return nn.functional.mse_loss(self.block(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 0.01)


class Skipping(WithoutForward):
    """Never calls what it has."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return (self.block.b(self.block.a(batch[0])).flatten() - batch[1]).square().mean()


@pytest.mark.slow
def test_a_search_names_what_never_runs() -> None:
    plan = run_search(WithoutForward, CurveData(), dry_run=True, **SMALL).plan
    assert plan is not None
    searched = [path for variable in plan.variables for path in variable.layers]
    assert searched == ["block.act", "block.train_only", "block.eval_only"]
    assert plan.left_alone["block.info"] == NEVER
    assert f"block.info  left alone: {NEVER}" in plan.describe()


def test_a_search_names_what_runs_and_is_no_layer() -> None:
    plan = run_search(WithoutForward, CurveData(), dry_run=True, **SMALL).plan
    assert plan is not None
    assert "runs silu (test_idle_layers.py, line" in plan.left_alone["block.forward"]
    assert "runs silu" in plan.describe()


def test_nothing_that_runs_is_nothing_to_search() -> None:
    with pytest.raises(ConversionError, match=r"nothing to search in Skipping.*block\.info.*none runs"):
        run_search(Skipping, CurveData(), dry_run=True, **SMALL)


@pytest.mark.slow
def test_a_resumed_search_leaves_the_same_alone(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run_search(WithoutForward, CurveData(), out=out, **SMALL)
    assert yaml.safe_load((out / "config.yaml").read_text())["idle_layers"] == ["block.info"]
    assert "block.info" not in result.assignment
    (out / "report.json").unlink()
    again = run_search(WithoutForward, CurveData(), out=out, resume=True, **SMALL)
    assert again.plan is not None
    assert again.plan.left_alone["block.info"] == NEVER
    assert "runs silu" in again.plan.left_alone["block.forward"]
    assert again.assignment == result.assignment
