"""Replays: seeds as agreed, costs as paid, statistics that are what they say."""

import json
import runpy
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from autoact.search import tables
from autoact.search.policy import Step
from autoact.search.replay import (
    Game,
    MeanOf,
    Rungs,
    function_space,
    play,
    random_search,
    ratio_of_medians,
    tpe,
)

ROOT = Path(__file__).parents[3]
NAMES = ("relu", "gelu", "tanh")


def small(seed: int = 0) -> tables.SyntheticTable:
    return tables.additive(seed, layers=2, names=NAMES)


def measured(name: str = "measured", mode: Literal["min", "max"] = "min") -> tables.SearchTable:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((3, 3))
    values = truth[..., None] + 0.1 * rng.standard_normal((4, 3, 3, 2))
    return tables.SearchTable(
        name=name,
        layers=("a", "b"),
        candidates=(NAMES, NAMES),
        fractions=(0.25, 1.0),
        selection=values if mode == "min" else -values,
        comparison=values[..., -1],
        mode=mode,
        priors={"exact": tables.Prior(scores=-truth[None], cost=1.0)},
        about={},
    )


def test_trainings_use_each_seed_once_before_any_twice() -> None:
    game = Game(measured(), seed=5)
    values = [game.value((0, 1), run, 1) for run in range(8)]
    assert len(set(values[:4])) == 4
    assert sorted(values[:4]) == sorted(values[4:])
    assert values[:4] != [Game(measured(), seed=6).value((0, 1), run, 1) for run in range(4)]


def test_a_continued_training_keeps_its_seed() -> None:
    table = measured()
    game = Game(table, seed=1)
    first = game.step_values(Step(("relu", "tanh"), 0, 0.0, 0.25))
    rest = game.step_values(Step(("relu", "tanh"), 0, 0.25, 1.0))
    pairs = [(table.value((0, 2), seed, 0), table.value((0, 2), seed, 1)) for seed in range(4)]
    assert (first[0.25], rest[1.0]) in pairs
    assert set(first) | set(rest) == {0.25, 1.0}


@pytest.mark.parametrize(
    "strategy", [random_search, tpe, function_space, MeanOf(2), Rungs(), Rungs(short=False)]
)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_every_strategy_finds_the_best_of_nine_with_patience(strategy, mode: Literal["min", "max"]) -> None:
    table = measured(mode=mode)
    found = play(lambda _: table, strategy, (2.0, 24.0), repetitions=3)
    assert found.quantile(24.0, 0.5) <= found.quantile(2.0, 0.5)
    assert found.quantile(24.0, 0.5) < 0.2


def test_repetitions_can_be_repeated() -> None:
    first, second = (play(small, Rungs(), (3.0,), repetitions=3).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_prior_is_paid_for() -> None:
    strategy = Rungs(prior="exact")
    game = Game(measured(), seed=0)
    assert strategy.problem(game, 5.0).budget == 4.0
    assert strategy.problem(game, 5.0).prior is not None
    assert strategy.problem(game, 1.0).prior is None  # nothing would be left
    assert Rungs(prior="unknown").problem(game, 5.0).budget == 5.0


def test_a_strategy_that_cannot_play_has_no_regret() -> None:
    found = play(small, MeanOf(3), (2.0, 6.0), repetitions=2)
    assert np.isnan(found.quantile(2.0, 0.5))
    assert np.isfinite(found.quantile(6.0, 0.5))


def test_intervals_cover_and_zeros_are_no_problem() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.exponential(size=400)
    ratio, low, high = ratio_of_medians(0.5 * theirs + 0.01 * rng.random(400), theirs)
    assert low <= ratio <= high
    assert low < 0.51 < 1.02 * high
    assert ratio_of_medians(np.zeros(9), np.zeros(9)) == (1.0, 1.0, 1.0)
    assert ratio_of_medians(np.ones(9), np.zeros(9))[0] == np.inf


@pytest.fixture(scope="module")
def benchmark() -> dict:
    return runpy.run_path(str(ROOT / "scripts" / "benchmark_search.py"))


def test_the_benchmark_plays_any_folder_of_tables(tmp_path: Path, benchmark: dict, capsys) -> None:
    measured("stranger", "max").save(tmp_path / "stranger.npz")
    options = ["--short", "--without-synthetic", "--costs", "3,5", "--workers", "1", "--prior", "exact"]
    files = [
        f"--{kind}={tmp_path / name}"
        for kind, name in (("json", "r.json"), ("markdown", "r.md"), ("figure", "r.svg"))
    ]
    assert benchmark["main"]([*options, "--tables", str(tmp_path), *files]) == 0
    results = json.loads((tmp_path / "r.json").read_text())["stranger"]
    assert len(results["TPE, best trial"]["5"]) == 4
    assert {"autoact", "without prior", "without distance"} <= set(results)
    assert "| autoact | " in capsys.readouterr().out == (tmp_path / "r.md").read_text() + "\n"
    assert "<svg" in (tmp_path / "r.svg").read_text()


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path, benchmark: dict, capsys) -> None:
    assert benchmark["main"](["--without-synthetic", "--tables", str(tmp_path)]) == 2
    assert "holds no .npz table" in capsys.readouterr().err
