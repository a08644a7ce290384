"""Baselines of which none trains: the error names what was raised."""

import math
from pathlib import Path
from typing import Any

import pytest

from autoact import load_run, run_search
from autoact.errors import SearchFailedError
from autoact.spaces import Assignment

SETTINGS: dict[str, Any] = {"budget": 3, "seeds": 2, "selection_seeds": 2}


class Broken:
    """Once the probe and the trials are done it raises, or has no value."""

    def __init__(self, raises: bool) -> None:
        self.raises, self.left = raises, 1 + SETTINGS["budget"]

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.left -= 1
        if self.left >= 0:
            return 1.0
        if self.raises:
            raise ValueError("the server is down")
        return math.nan


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        (
            True,
            r"on every seed: (\d+) of \1 trainings raised, the first \(original, seed \d+\) "
            r"with ValueError: the server is down\. Correct that, then resume the run\.",
        ),
        (False, r"on every seed\. Lower the learning rate, or check the model\."),
    ],
)
def test_what_was_raised_is_named(tmp_path: Path, raises: bool, said: str) -> None:
    with pytest.raises(SearchFailedError, match=said):
        run_search(
            objective=Broken(raises),
            out=tmp_path / "run",
            layers=["a"],
            space=["relu", "tanh"],
            mode="min",
            quiet=True,
            **SETTINGS,
        )
    failed = load_run(tmp_path / "run")
    assert failed.verdict is None
    assert "No baseline reached a finite objective" in failed.summary()
    assert set(failed.assignment) == {"a"}
    assert failed.recommended == failed.original
    assert not {"baselines", "comparisons", "pareto", "beliefs"} & failed.report.keys()
