"""A choice that was lucky in the search loses its place on seeds that chose nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autoact
from autoact.search.setup import Settings, seeds_for
from autoact.spaces import Assignment

SETTINGS: dict[str, Any] = {"budget": 12, "seeds": 4, "selection_seeds": 3}
LUCKY = ["sin", "tanh"]


class Lucky:
    """On the seeds of the search sin and tanh are the best, on all others relu everywhere is."""

    def __init__(self) -> None:
        seeds = seeds_for(Settings(monitor="objective", mode="min", **SETTINGS))
        self.later = {*seeds.selection, *seeds.confirmation}

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        names = [choice.activation for choice in assignment.values()]
        noise = 0.01 * float(np.random.default_rng([seed, *map(ord, names[0] + names[1])]).normal())
        if seed in self.later:
            return noise + sum(1.0 for name in names if name != "relu")
        return noise + sum(
            {lucky: 0.0, "relu": 0.3}.get(name, 0.7) for name, lucky in zip(names, LUCKY, strict=True)
        )


def search(objective: Any, out: Path) -> autoact.search.SearchResult:
    return autoact.run_search(
        objective=objective,
        out=out,
        layers=["a", "b"],
        space=["tanh", "relu", "sin"],
        mode="min",
        quiet=True,
        **SETTINGS,
    )


def test_a_lucky_choice_gives_way_to_a_baseline(tmp_path: Path) -> None:
    result = search(Lucky(), tmp_path / "run")
    found = result.report["recommendation"]
    assert [layer["activation"] for layer in found["searched"].values()] == LUCKY
    assert found["replaced"]
    assert [choice.activation for choice in result.assignment.values()] == ["relu", "relu"]
    assert result.report["comparisons"]["best_uniform"]["ci95"][1] >= 0
    assert autoact.Assignment.load(tmp_path / "run" / "assignment.yaml") == result.assignment
    assert "another finalist did better and took its place" in result.summary()
    assert result.verdict == "improved"  # the original is tanh everywhere


@pytest.mark.slow
def test_a_settled_choice_survives_an_interruption(tmp_path: Path) -> None:
    whole = search(Lucky(), tmp_path / "whole")
    later = Lucky().later

    class Interrupted(Lucky):
        left = 1 + 12 + 11 + 3  # the probe, the search, the baselines, some of the confirmation

        def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
            self.left -= 1
            if self.left < 0:
                assert seed in later
                raise KeyboardInterrupt
            return super().__call__(assignment, seed, fraction)

    with pytest.raises(KeyboardInterrupt):
        search(Interrupted(), tmp_path / "run")
    resumed = autoact.run_search(
        objective=Lucky(),
        out=tmp_path / "run",
        layers=["a", "b"],
        space=["tanh", "relu", "sin"],
        mode="min",
        quiet=True,
        resume=True,
        **SETTINGS,
    )
    for key in ("chosen", "recommendation", "comparisons", "baselines"):
        assert resumed.report[key] == whole.report[key]
