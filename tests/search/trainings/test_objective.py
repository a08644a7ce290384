"""A function takes the place of model and data: same phases, same verdict, its numbers used as they are."""

import json
import math
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
import torch

import autoact
from autoact.errors import ConfigurationError, SearchFailedError
from autoact.spaces import Assignment, Choice

LOCK = Lock()

LOSS = {"relu": 0.5, "tanh": 0.4, "sin": 0.1, "elu": 0.7}
SPACE = ["relu", "tanh", "sin"]
Call = tuple[str, int, float]


class Recorded:
    """Adds the losses of the layers and a seed's own noise; keeps what it was asked."""

    def __init__(self, sign: float = 1.0) -> None:
        self.calls: list[Call] = []
        self.sign = sign

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.calls.append((str(assignment), seed, fraction))
        noise = np.random.default_rng(seed).normal()
        tilt = 0.001 * len(str(assignment)) * np.sin(seed)  # differences differ from seed to seed
        losses = (LOSS[choice.activation] for choice in assignment.values())
        return float(self.sign * (sum(losses) + 0.1 * noise + tilt))


def search(objective: Any, out: Path | None, **settings: Any) -> autoact.search.SearchResult:
    defaults: dict[str, Any] = {
        "layers": ["a", "b"],
        "space": SPACE,
        "mode": "min",
        "budget": 8,
        "seeds": 4,
        "quiet": True,
    }
    return autoact.run_search(objective=objective, out=out, **defaults | settings)


@pytest.mark.slow
def test_a_function_is_searched_compared_and_resumed(tmp_path: Path) -> None:
    objective = Recorded()
    result = search(objective, tmp_path / "run")
    assert result.verdict == "improved"
    assert [choice.activation for choice in result.assignment.values()] == ["sin", "sin"]
    report = result.report
    assert report["metric"] == "objective"
    assert report["comparison_data"] == "the function's value on fresh seeds"
    assert report["latency"] is None
    assert report["original"]["a"]["activation"] == "relu"
    assert report["cost"]["search"]["trainings"] == 8
    assert report["comparisons"]["original"]["difference"] == pytest.approx(0.8, abs=0.02)
    assert [call[2] for call in objective.calls] == [0.02, *[1.0] * (len(objective.calls) - 1)]
    assert {seed for _, seed, _ in objective.calls} >= {*report["confirmation"]["seeds"]}
    assert len({*report["confirmation"]["seeds"]}) == 4
    assert "report.html" in {path.name for path in (tmp_path / "run").iterdir()}
    written = json.loads((tmp_path / "run" / "report.json").read_text())
    assert {name: value for name, value in written.items() if name != "checksum"} == report
    again = Recorded()
    assert search(again, tmp_path / "run", resume=True).report == report
    assert again.calls == []


@pytest.mark.slow
def test_an_interrupted_search_goes_on_where_it_was(tmp_path: Path) -> None:
    undisturbed = Recorded()
    whole = search(undisturbed, tmp_path / "whole").report

    class Interrupted(Recorded):
        def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
            if len(self.calls) == 11:
                raise KeyboardInterrupt
            return super().__call__(assignment, seed, fraction)

    with pytest.raises(KeyboardInterrupt):
        search(Interrupted(), tmp_path / "run")
    rest = Recorded()
    report = search(rest, tmp_path / "run", resume=True).report
    for key in ("chosen", "baselines", "confirmation", "comparisons", "verdict"):
        assert report[key] == whole[key]
    assert len(rest.calls) <= len(undisturbed.calls) - 11


@pytest.mark.slow
def test_larger_may_be_better(tmp_path: Path) -> None:
    result = search(Recorded(sign=-1.0), tmp_path / "run", mode=None, monitor="my_accuracy")
    assert result.report["mode"] == "max"
    assert result.report["metric"] == "my_accuracy"
    assert [choice.activation for choice in result.assignment.values()] == ["sin", "sin"]


@pytest.mark.parametrize(
    "convert", [float, np.float32, np.array, torch.tensor, lambda value: np.array([value])]
)
def test_numbers_of_every_kind_are_numbers(convert: Any) -> None:
    result = search(lambda a, seed, fraction: convert(float(seed % 7)), None, dry_run=True)
    assert result.plan is not None
    assert result.plan.counts.search == 8


def paths(layers: Any, space: Any = None) -> dict[str, str]:
    seen: list[Assignment] = []

    def objective(assignment: Assignment, seed: int, fraction: float) -> float:
        seen.append(assignment)
        return 0.0

    search(objective, None, layers=layers, space=space or SPACE, dry_run=True)
    return {path: str(choice) for path, choice in seen[0].items()}


def test_layers_come_from_the_argument_or_from_the_space() -> None:
    assert paths(["a", "b"]) == {"a": "relu", "b": "relu"}
    assert paths({"a": "tanh", "b": Choice("elu", {"alpha": 0.5})}) == {"a": "tanh", "b": "elu(alpha=0.5)"}
    rules: list[dict[str, Any]] = [
        {"match": "x"},
        {"match": "y", "share": "group"},
        {"match": "z", "keep": True},
    ]
    assert paths(None, {"version": 1, "candidates": ["tanh", "sin"], "layers": rules}) == {
        "x": "tanh",
        "y": "tanh",
    }


@pytest.mark.slow
def test_groups_choose_together(tmp_path: Path) -> None:
    space = {
        "version": 1,
        "candidates": SPACE,
        "layers": [{"match": "block*", "share": "group"}, {"match": "head", "candidates": ["relu", "tanh"]}],
    }
    result = search(
        Recorded(), tmp_path / "run", layers=["block.0", "block.1", "head"], space=space, budget=20
    )
    assert result.assignment["block.0"] == result.assignment["block.1"] == Choice("sin")
    assert result.assignment["head"] == Choice("tanh")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"objective": 3}, "objective is 3; it must be a function of (assignment, seed, fraction)"),
        ({"objective": lambda assignment: 0.0}, "objective cannot be called: too many positional arguments"),
        ({"objective": lambda a, s, f: None}, "The objective returned None; it must return one number"),
        ({"objective": lambda a, s, f: True}, "The objective returned True"),
        ({"objective": lambda a, s, f: np.zeros(2)}, "The objective returned array([0., 0.])"),
        ({"mode": None}, "mode is not given and cannot be inferred from monitor 'objective'"),
        ({"layers": None}, "layers is not given, and no rule of the space names a layer"),
        ({"layers": []}, "layers is []; it must list names"),
        ({"layers": "net.1"}, "layers is 'net.1'; it must list names"),
        ({"layers": [3]}, "layers holds 3; the name of a layer is a text"),
        ({"layers": {"a": "rleu"}}, "No activation named 'rleu'. Did you mean 'relu'?"),
        ({"trainer": {"max_epochs": 3}}, "trainer is for a model"),
        ({"parameters": {"model.lr": {"log": [1e-4, 1e-1]}}}, "parameters is for a model"),
        ({"model": object, "data": ()}, "Give model and data, or objective, not both"),
        (
            {"objective": None, "layers": None},
            "model is not given; give model and, unless it loads its own, data; or objective=f",
        ),
        ({"objective": None, "model": object, "data": ()}, "layers is for objective"),
        ({"workers": 2, "objective": lambda a, s, f, lock=LOCK: 0.0}, "these cannot: cannot pickle"),
        (
            {"space": {"version": 1, "candidates": SPACE, "layers": [{"match": "c"}]}},
            "'c' matches no activation",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_once(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    given = {"objective": lambda a, s, f: 0.0} | settings
    with pytest.raises((ConfigurationError, autoact.errors.AutoActError)) as refused:
        search(out=tmp_path / "run", **given)
    assert said in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_an_objective_that_raises_is_told_before_anything_is_made(tmp_path: Path) -> None:
    def broken(assignment: Assignment, seed: int, fraction: float) -> float:
        return 1 / 0

    with pytest.raises(SearchFailedError, match="original activations: ZeroDivisionError: division by zero"):
        search(broken, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_values_that_are_no_number_lose_and_do_not_stop_the_search(tmp_path: Path) -> None:
    sums = Recorded()

    def fragile(assignment: Assignment, seed: int, fraction: float) -> float:
        names = [choice.activation for choice in assignment.values()]
        if names.count("sin") == 2:
            return math.nan
        if names.count("tanh") == 2:
            raise RuntimeError("out of memory")
        return sums(assignment, seed, fraction)

    result = search(fragile, tmp_path / "run", budget=12)
    assert [choice.activation for choice in result.assignment.values()].count("sin") < 2
    assert result.report["not_finite"]


def test_a_function_that_raises_throughout_is_named_with_what_it_raised(tmp_path: Path) -> None:
    def raises(assignment: Assignment, seed: int, fraction: float) -> float:
        if fraction == 1:
            raise ValueError("no rows\nat all")
        return 1.0

    with pytest.raises(
        SearchFailedError, match=r"the first raised ValueError: no rows\. Correct that and start a new run\.$"
    ):
        search(raises, tmp_path / "run", budget=3)
