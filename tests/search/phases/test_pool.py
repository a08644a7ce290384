"""One pool: baselines are trials of the study, and the choice follows from the ledger wherever a run ends."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from autoact import run_search
from autoact.records import Ledger, Training
from autoact.search import SearchResult
from autoact.search.setup import Settings, seeds_for
from autoact.spaces import Assignment

NAMES = ["relu", "tanh", "sin", "gelu"]
SETTINGS: dict[str, Any] = {"budget": 14, "seeds": 3, "selection_seeds": 2, "mode": "min"}
SEEDS = seeds_for(Settings(monitor="objective", **SETTINGS))
WORTH = {"relu": 0.4, "tanh": 0.3, "sin": 0.2, "gelu": 0.5}


class Objective:
    """A function of a user's own that is interrupted at one of its calls, from 1; 0: at none."""

    def __init__(self, stop_at: int = 0) -> None:
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        first, second = (WORTH[choice.activation] for choice in assignment.values())
        drawn = np.random.default_rng([seed, int(100 * first), int(100 * second)])
        return first + second - first * second + 0.03 * float(drawn.normal())


def search(run: Path, objective: Callable[..., float] | None = None, **changes: Any) -> SearchResult:
    settings = {**SETTINGS, "layers": ["a", "b"], "space": NAMES, "quiet": True, **changes}
    return run_search(objective=objective or Objective(), out=run, **settings)


def trainings(run: Path, *phases: Any) -> list[Training]:
    return list(Ledger(run / "trainings.jsonl").of(*phases))


def lines(run: Path) -> list[tuple[Any, ...]]:
    found = Ledger(run / "trainings.jsonl").trainings
    return [(t.phase, t.label, t.trial, t.key, t.seed, t.selection) for t in found if t.phase != "probe"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    search(run)
    return run


@pytest.mark.slow
def test_baselines_are_trials_after_the_first_ten(whole: Path) -> None:
    done = sorted(trainings(whole, "trial", "baseline"), key=lambda t: (t.trial is None, t.trial))
    phases = [t.phase for t in done if t.trial is not None]
    assert [t.trial for t in done if t.trial is not None] == list(range(14 + 4 + 2))
    assert phases == ["trial"] * 10 + ["baseline"] * 6 + ["trial"] * 4
    first, second = done[10:14], done[14:16]
    assert [t.label for t in first] == ["original", *NAMES[1:]]  # the original is relu everywhere
    assert ({t.seed for t in first}, {t.seed for t in second}) == ({SEEDS.search[0]}, {SEEDS.search[1]})
    better = sorted(first, key=lambda t: t.selection)[:2]
    assert [t.label for t in second] == [t.label for t in better]
    told = [trial.user_attrs["label"] for trial in exported(whole).trials]
    assert told == [t.label for t in done if t.trial is not None]


@pytest.mark.parametrize("budget", [8, 14])
def test_nothing_is_trained_twice_where_every_trial_is_a_baseline(tmp_path: Path, budget: int) -> None:
    def objective(assignment: Assignment, seed: int, fraction: float) -> float:
        return WORTH[assignment["a"].activation] + 1e-3 * (seed % 7)

    search(tmp_path / "run", objective, layers=["a"], budget=budget)
    done = [t for t in trainings(tmp_path / "run", "trial", "baseline") if t.trial is not None]
    assert len({(t.key, t.seed) for t in done}) == len(done) == budget + 4 + 2
    first = [t for t in done if t.phase == "trial"][:4]
    assert SEEDS.search[2] in {t.seed for t in first}
    assert not {t.seed for t in first} & set(SEEDS.search[:2])  # which the race takes


def exported(run: Path) -> optuna.Study:
    from autoact import load_run

    return load_run(run).study


def test_finalists_are_trained_on_seeds_that_chose_nothing(whole: Path) -> None:
    finals = [t for t in trainings(whole, "baseline") if t.trial is None]
    assert {t.seed for t in finals} == set(SEEDS.selection)
    assert Counter(t.key for t in finals).most_common()[-1][1] == 2
    assert "choice" in {t.label for t in finals}
    assert len(trainings(whole, "baseline")) <= (4 + 1) * 2  # no more than all of them on all seeds


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [6, 13, 17, pytest.param(23, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_anywhere_ends_as_it_would_have(
    whole: Path, tmp_path: Path, stop_at: int
) -> None:
    """Calls: the probe, 10 trials, 6 of the baselines' race, 4 trials, the finalists, the confirmation."""
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        search(run, Objective(stop_at))
    search(run, resume=True)
    assert lines(run) == lines(whole)


@pytest.mark.slow
def test_a_sampler_of_a_users_own_is_told_of_baselines_and_repeats_itself_on_a_resume(tmp_path: Path) -> None:
    def sampler() -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(seed=3, n_startup_trials=4)

    search(tmp_path / "whole", sampler=sampler())
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "run", Objective(20), sampler=sampler())
    search(tmp_path / "run", resume=True, sampler=sampler())
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")
    assert len(trainings(tmp_path / "run", "trial")) == SETTINGS["budget"]


@pytest.mark.parametrize("budget", [1, 2])
def test_a_tiny_budget_is_pooled_too(tmp_path: Path, budget: int) -> None:
    result = search(tmp_path / "run", budget=budget)
    assert len(trainings(tmp_path / "run", "trial")) == budget
    assert result.assignment != result.original  # the baselines have shown better ones


@pytest.mark.slow
def test_the_best_uniform_is_the_one_that_is_believed_in_not_the_luckiest(tmp_path: Path) -> None:
    class Lucky(Objective):
        """On the first seeds of the search gelu everywhere is the best by a little, later the worst."""

        def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
            value = super().__call__(assignment, seed, fraction)
            lucky = all(choice.activation == "gelu" for choice in assignment.values())
            return value - 0.5 if lucky and seed in SEEDS.search[:2] else value

    result = search(tmp_path / "run", Lucky())
    assert result.comparisons["best_uniform"].name == "sin"


def test_what_the_confirmation_compared_stays_the_best_uniform(whole: Path, tmp_path: Path) -> None:
    before = trainings(whole, "confirmation")
    result = search(whole, resume=True, seeds=5)
    assert {t.key for t in trainings(whole, "confirmation")} == {t.key for t in before}
    assert result.comparisons["best_uniform"].pairs == 5
