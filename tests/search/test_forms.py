"""The form of a gated block is a choice of a search: tried, compared, resumed, saved and loaded."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import autoact
from autoact import Assignment, load_run, run_search
from autoact.records import Ledger
from autoact.search import SearchResult
from tests.search.models import SMALLEST, Curve, CurveData

FACTOR = "net.1.up_factor_1"
RULE = {"match": "*.up_factor_1", "candidates": ["identity", "clamped_offset", "plain"]}
SETTINGS: dict[str, Any] = {
    **SMALLEST,
    "space": {"version": 1, "candidates": ["relu", "tanh"], "layers": [RULE]},
    "budget": 4,
    "seeds": 2,
}


class Block(nn.Module):
    """A gated block."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 4)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.act(self.gate(x)) * self.up(x))


class Forms(Curve):
    """A curve by a gated block, which counts as bad as long as it is gated."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.net = nn.Sequential(nn.Linear(2, 4), Block(), nn.Linear(4, 1), nn.Flatten(0))

    def _loss(self, batch: Any) -> Tensor:
        return super()._loss(batch) + 100 * isinstance(self.net[1].up, nn.Linear)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    return run_search(
        Forms, CurveData(), monitor="val_loss", out=tmp_path_factory.mktemp("forms") / "run", **SETTINGS
    )


def test_the_plan_says_how_large_a_plain_block_is_and_where_it_takes_part() -> None:
    plan = run_search(Forms, CurveData(), monitor="val_loss", dry_run=True, **SETTINGS).plan
    assert plan is not None
    told = plan.describe()
    assert f"{FACTOR}  identity  from identity, clamped_offset, plain" in told
    assert "the block is wider instead: 85 parameters instead of 88, 1 times" in told
    assert "plain is in trials and baselines alone: a mixture would need weights of both shapes" in told
    assert "Trained one by one: plain blocks have weights of other shapes than gated ones" in told


@pytest.mark.slow
def test_the_verdict_is_on_the_form(searched: SearchResult) -> None:
    assert searched.assignment[FACTOR].activation == "plain"
    assert searched.verdict == "improved"
    assert searched.comparisons["original"].difference > 90
    names = {"original", "relu", "tanh", "identity", "clamped_offset", "plain"}
    assert set(searched.report["baselines"]) == names
    assert not searched.report["failures"]


@pytest.mark.slow
def test_the_chosen_form_is_loaded_with_its_weights(searched: SearchResult) -> None:
    assert searched.run_dir is not None
    model: Any = searched.model()
    assert model.net[1].gate.out_features == model.net[1].down.in_features > 6
    x = torch.randn(5, 2)
    trained: Any = Forms()
    autoact.load_weights(trained, searched.run_dir / "checkpoints" / "final.ckpt")
    restored: Any = Forms.load_from_checkpoint(searched.run_dir / "checkpoints" / "final.ckpt")
    assert torch.equal(trained(x), restored(x))
    written = Assignment.load(searched.run_dir / "assignment.yaml")
    assert written == searched.assignment == load_run(searched.run_dir).assignment


@pytest.mark.slow
def test_a_resumed_run_trains_only_what_is_missing(searched: SearchResult) -> None:
    out = searched.run_dir
    assert out is not None
    before = Counter((t.phase, t.key, t.seed) for t in Ledger(out / "trainings.jsonl").trainings)
    again = run_search(
        Forms, CurveData(), monitor="val_loss", out=out, resume=True, **{**SETTINGS, "seeds": 3}
    )
    after = Counter((t.phase, t.key, t.seed) for t in Ledger(out / "trainings.jsonl").trainings)
    assert not before - after
    assert {phase for phase, *_ in after - before} == {"confirmation"}
    assert again.assignment == searched.assignment
    assert all(not t.raised for t in Ledger(out / "trainings.jsonl").trainings)
