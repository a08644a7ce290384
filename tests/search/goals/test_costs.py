"""Costs before a search: sizes are exact, latencies are measured, and what cannot be had is refused."""

from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn

from autoact import Assignment, apply, finalize, run_search
from autoact.errors import ConfigurationError
from autoact.records import Costs
from autoact.search import Settings
from autoact.search.goals import second_goal, whole_costs
from autoact.search.setup import Variables
from autoact.search.trainings import ModelTask
from autoact.spaces import SearchSpace
from autoact.training import split
from tests.search.models import OBJECTIVE, SMALLEST, TRAINER, Curve, CurveData, variables
from tests.search.test_forms import RULE, Block


class Learned(Curve):
    """One layer has slopes per channel, one is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.PReLU(8), nn.Linear(8, 8), nn.Tanh())
        self.head = nn.Sequential(nn.Linear(8, 1), nn.Flatten(0))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.net[3](self.net(x)))


class Wide(Curve):
    """Its width is an argument."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1), nn.Flatten(0))


class Gated(Curve):
    """Its block may become plain, with other weights."""

    def __init__(self) -> None:
        super().__init__()
        block = Block()
        self.net = nn.Sequential(nn.Linear(2, 4), block, nn.Linear(4, 1), nn.Flatten(0))


class TwoInputs(Curve):
    def forward(self, x: Tensor, context: Tensor) -> Tensor:  # type: ignore[override]
        return self.net(x) + context

    def _loss(self, batch: Any) -> Tensor:
        x, y = batch
        return nn.functional.mse_loss(self(x, torch.zeros(())), y)


def task(model: type[L.LightningModule], names: Any) -> tuple[ModelTask, Variables]:
    space = SearchSpace.of(names)
    found = variables(model(), space)
    given: dict[str, Any] = {"monitor": "val_loss", "trainer": TRAINER, "original": found.original}
    return ModelTask(make_module=model, parts=split(CurveData), space=space, **given), found


def costs(
    goal: Any, model: type[L.LightningModule], *names: str, **settings: Any
) -> tuple[Costs, ModelTask, Variables]:
    asked, found = task(model, names)
    costs = second_goal(asked, found, Settings(pareto=goal, **settings))
    assert costs is not None
    return costs, asked, found


def test_sizes_are_those_of_the_finalized_models() -> None:
    known, asked, found = costs("size", Learned, "relu", "prelu", "gelu")
    assert known.original == sum(p.numel() for p in Learned().parameters())
    for first in ("relu", "prelu", "gelu"):
        for second in ("prelu", "gelu"):
            assignment = Assignment({"net.1": found.variables[0].choice("net.1", first), "net.3": second})
            model = finalize(apply(Learned(), assignment))
            assert known.of(assignment) == sum(p.numel() for p in model.parameters())
    original, (same, smaller) = whole_costs(asked, "size", [found.original, found.uniform("relu")], 0.95)
    assert (original, same.found, smaller.found, smaller.difference) == (known.original, "same", "lower", -8)


def test_latencies_are_those_of_the_calls_of_a_forward_pass() -> None:
    known, asked, found = costs("latency", Learned, "relu", "tanh")
    assert known.unit == "ms per batch of 32 on the CPU"
    assert known.original > 0
    assert set(known.differences) == {"net.1", "net.3"}
    assert known.differences["net.1"]["prelu"] == known.differences["net.3"]["tanh"] == 0.0
    assert known.of(found.original) == known.original
    low, high = known.range
    assert 0 < known.original - low + high  # what activations change is part of a pass
    assert [p.shape for p in asked.build().parameters()]  # the task is as it was


def test_latencies_say_that_trainings_run_elsewhere() -> None:
    known, _, _ = costs("latency", Curve, "relu", "tanh", executor="ray")
    where = "on the CPU of the machine that searches, not of those that train"
    assert known.unit == f"ms per batch of 32 {where}"
    assert costs("size", Learned, "relu", "prelu", executor="ray")[0].unit == "learnable parameters"


def test_whole_models_are_measured_with_intervals() -> None:
    asked, found = task(Curve, ["relu", "tanh"])
    original, (one,) = whole_costs(asked, "latency", [found.uniform("tanh")], 0.9)
    assert original > 0
    assert one.interval[0] <= one.difference <= one.interval[1]
    assert one.value == pytest.approx(original + one.difference)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"pareto": "speed"}, "'latency' or 'size'"),
        ({"pareto": "size", "pruner": "optuna.pruners.MedianPruner"}, "MedianPruner.*Leave out one"),
        ({"pareto": "size"}, "every assignment of the space costs the same, 105 learnable parameters"),
        (
            {"pareto": "size", "model": Wide, "parameters": {"model.width": {"int": [4, 8]}}},
            "17 with 4 and 33 with 8",
        ),
        ({"pareto": "latency", "model": TwoInputs}, "TwoInputs cannot be called.*pareto='size'"),
    ],
)
def test_what_cannot_be_had_is_refused_before_any_training(
    more: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(self: Any, *args: Any) -> Any:
        raise AssertionError("a training has begun")

    monkeypatch.setattr(L.LightningModule, "on_fit_start", trains)
    settings = {**SMALLEST, **{name: value for name, value in more.items() if name != "model"}}
    with pytest.raises(ConfigurationError, match=said):
        run_search(more.get("model", Curve), CurveData, dry_run=True, **settings)


def test_a_function_has_one_goal() -> None:
    with pytest.raises(ConfigurationError, match=r"with objective nobody here knows.*costs=\.\.\."):
        run_search(
            objective=lambda assignment, seed, fraction: 1.0, pareto="latency", dry_run=True, **OBJECTIVE
        )


def test_a_block_that_becomes_plain_costs_what_it_then_costs() -> None:
    space = {"version": 1, "candidates": ["relu", "prelu"], "layers": [RULE]}
    asked, found = task(Gated, space)
    sizes = second_goal(asked, found, Settings(monitor="val_loss", pareto="size"))
    times = second_goal(asked, found, Settings(monitor="val_loss", pareto="latency"))
    assert sizes is not None
    assert times is not None
    original = Assignment({"net.1.up_factor_1": "identity", "net.1.act": "silu"})
    plain = Assignment({"net.1.up_factor_1": "plain", "net.1.act": "silu"})
    sized = finalize(apply(Gated(), plain))
    assert sizes.of(plain) == sum(p.numel() for p in sized.parameters())
    assert sizes.of(plain) != sizes.of(original)
    assert times.of(plain) < 1.5 * times.of(original), "not that of a constant beside the block"
