"""Samplers and pruners of a user's own ask and end the same wherever the process was killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from autoact.records import RunDirectory, Value
from autoact.search.setup import Settings
from autoact.search.study import Study, quiet_optuna
from tests.search.study.test_study import ORIGINAL, Run

TRIALS = 7
STEPS = (2, 4, 8)
KILLED = (0, 2, 3, 6)  # first and last trial, before and after samplers have started; below: after each
GIVEN: dict[str, Callable[[], dict[str, Any]]] = {
    "random": lambda: {"sampler": optuna.samplers.RandomSampler(seed=3)},
    "tpe": lambda: {"sampler": optuna.samplers.TPESampler(seed=3, n_startup_trials=3)},
    "halving": lambda: {"pruner": optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=2)},
    "both": lambda: {
        "sampler": optuna.samplers.TPESampler(seed=3, n_startup_trials=3),
        "pruner": optuna.pruners.HyperbandPruner(min_resource=2, max_resource=8, reduction_factor=2),
    },
}


def opened(run: Run, given: Callable[[], dict[str, Any]]) -> Study:
    """Open the study as a new process does, which makes sampler and pruner anew."""
    ranges = {
        "model.lr": {"log": [1e-4, 1e-1]},
        "model.rows": {"int": [1, 64]},
        "model.kind": {"choice": ["adam", "sgd"]},
    }
    own: dict[str, Value] = {"model.lr": 0.5, "model.kind": "lion"}  # outside of what is searched
    study = run.open(Settings(monitor="val_loss", budget=12, parameters=ranges, **given()), own=own)
    study.enqueue("original", ORIGINAL, own)
    return study


def train(run: Run, study: Study, trials: int) -> list[Any]:
    """Do some trials as a worker does, validated at a few steps."""
    done = []
    for _ in range(trials):
        asked, pruning = study.ask()
        rate, rows = (asked.hyperparameters[name] for name in ("model.lr", "model.rows"))
        assert isinstance(rate, float)
        assert isinstance(rows, int)
        curve: list[float] = []
        for step in STEPS:
            curve.append(
                rows / 64 + rate + (asked.trial or 0) % 3 + len(str(asked.assignment)) / 100 + 1 / step
            )
            if pruning is not None and pruning(step, curve[-1]):
                break
        ended = {"curve": tuple(curve), "curve_steps": STEPS[: len(curve)], "selection": curve[-1]}
        pruned = {"state": "pruned", "share": len(curve) / 3} if len(curve) < len(STEPS) else {}
        run.tell(study, asked, **ended, **pruned)
        done.append((asked, len(curve)))
    return done


def test_kinds_of_trials_differ(tmp_path: Path) -> None:
    """Otherwise the test below would show nothing."""
    with quiet_optuna():
        for name, given in GIVEN.items():
            run = Run(RunDirectory.create(tmp_path / name, {"study": "test"}))
            done = train(run, opened(run, given), TRIALS)
            assert len({asked.key for asked, _ in done}) == TRIALS
            assert (len({steps for _, steps in done}) > 1) == ("pruner" in given())


@pytest.mark.slow
@pytest.mark.parametrize("name", GIVEN)
def test_whenever_it_is_killed_it_goes_on_where_it_was(tmp_path: Path, name: str) -> None:
    with quiet_optuna():
        whole = Run(RunDirectory.create(tmp_path / "whole", {"study": "test"}))
        expected = train(whole, opened(whole, GIVEN[name]), TRIALS)
        for before in KILLED:
            run = Run(RunDirectory.create(tmp_path / str(before), {"study": "test"}))
            done = train(run, opened(run, GIVEN[name]), before)
            opened(run, GIVEN[name]).ask()  # killed here, in its training
            done += train(run, opened(run, GIVEN[name]), TRIALS - before)
            assert done == expected, before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tpe", "both"])
def test_killed_after_every_trial_it_goes_on_all_the_same(tmp_path: Path, name: str) -> None:
    with quiet_optuna():
        whole = Run(RunDirectory.create(tmp_path / "whole", {"study": "test"}))
        run = Run(RunDirectory.create(tmp_path / "run", {"study": "test"}))
        expected = train(whole, opened(whole, GIVEN[name]), TRIALS)
        done = [train(run, opened(run, GIVEN[name]), 1)[0] for _ in range(TRIALS)]
    assert done == expected
