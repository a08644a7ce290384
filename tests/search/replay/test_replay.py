"""Replays: seeds as agreed, costs as paid, statistics that are what they say."""

import json
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from autoact.search.policy import Step

from autoact.search import tables
from autoact.search.replay import (
    Game,
    MeanOf,
    OneSeed,
    Regrets,
    Rungs,
    function_space,
    mean_difference,
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


def test_paired_trainings_share_their_seeds() -> None:
    table = measured()
    game = Game(table, seed=5, paired=True)
    for run in range(4):
        seeds = [
            next(s for s in range(4) if table.value(index, s, 1) == game.value(index, run, 1))
            for index in ((0, 1), (2, 2), (1, 0))
        ]
        assert len(set(seeds)) == 1
    assert len({game.value((0, 1), run, 1) for run in range(4)}) == 4


def test_a_training_with_repeats_shows_the_mean_of_as_many_seeds() -> None:
    table = measured()
    every = Game(table, seed=5, paired=True)
    calm = Game(table, seed=5, paired=True, repeats=2)
    for index, run in (((0, 1), 0), ((2, 2), 1)):
        two = [every.value(index, number, 1) for number in (2 * run, 2 * run + 1)]
        assert calm.value(index, run, 1) == pytest.approx(np.mean(two))
        assert two[0] != two[1]


def test_one_seed_plays_the_same_strategy_on_paired_trainings() -> None:
    seen: list[Game] = []

    def strategy(game: Game, costs: Sequence[float]) -> dict[float, tuple[int, ...]]:
        seen.append(game)
        return {cost: (0, 0) for cost in costs}

    assert OneSeed(strategy)(Game(measured(), seed=3), [2.0]) == {2.0: (0, 0)}
    assert (seen[0].seed, seen[0].paired) == (3, True)


def test_a_continued_training_keeps_its_seed() -> None:
    table = measured()
    game = Game(table, seed=1)
    first = game.step_values(Step(("relu", "tanh"), 0, 0.0, 0.25))
    rest = game.step_values(Step(("relu", "tanh"), 0, 0.25, 1.0))
    pairs = [(table.value((0, 2), seed, 0), table.value((0, 2), seed, 1)) for seed in range(4)]
    assert (first[0.25], rest[1.0]) in pairs
    assert set(first) | set(rest) == {0.25, 1.0}


@pytest.mark.parametrize(
    "strategy", [random_search, tpe, function_space, MeanOf(2), OneSeed(tpe), Rungs(), Rungs(short=True)]
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


def test_a_mixture_is_paid_for_and_its_choice_is_tried_first() -> None:
    strategy, table = Rungs(prior="exact"), measured()
    game = Game(table, seed=0)
    problem = strategy.problem(game, 5.0)
    best = np.unravel_index(table.priors["exact"].scores[0].argmax(), (3, 3))
    assert problem.budget == 4.0
    assert game.index(problem.first[0]) == best
    assert problem.prior is None
    assert set(strategy(game, [1.5, 2.0, 5.0])) == {2.0, 5.0}  # nothing would be left of 1.5


def test_scores_of_a_mixture_enter_the_surrogate_only_if_asked_for() -> None:
    problem = Rungs(prior="exact", scores=True).problem(Game(table := measured(), seed=0), 5.0)
    assert problem.prior is not None
    assert problem.prior(("gelu", "tanh")) == table.priors["exact"].score(0, (1, 2))


def test_a_mixture_that_the_table_lacks_costs_and_says_nothing() -> None:
    game = Game(measured(), seed=0)
    problem = Rungs(prior="unknown").problem(game, 5.0)
    assert problem.budget == 4.0
    assert problem.first == Rungs().problem(game, 5.0).first == tuple((name, name) for name in NAMES)


def test_one_play_recommends_at_every_cost_what_separate_plays_would() -> None:
    strategy = Rungs(prior="exact")
    costs = [3.0, 5.0, 9.0]
    separate = {cost: strategy(Game(measured(), seed=2), [cost])[cost] for cost in costs}
    assert strategy(Game(measured(), seed=2), costs) == separate


def test_a_strategy_that_cannot_play_has_no_regret() -> None:
    found = play(small, MeanOf(3), (2.0, 6.0), repetitions=2)
    assert np.isnan(found.quantile(2.0, 0.5))
    assert np.isfinite(found.quantile(6.0, 0.5))


def test_intervals_cover_and_zeros_are_no_problem() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.exponential(size=400)
    ratio, low, high = ratio_of_medians([0.5 * theirs + 0.01 * rng.random(400)], [theirs])
    assert low <= ratio <= high
    assert low < 0.51 < 1.02 * high
    assert ratio_of_medians([np.zeros(9)], [np.zeros(9)]) == (1.0, 1.0, 1.0)
    assert ratio_of_medians([np.ones(9)], [np.zeros(9)])[0] == np.inf
    assert ratio_of_medians([np.zeros(9), np.ones(7)], [np.ones(9), np.ones(7)]) == (0.5, 0.5, 0.5)


def test_differences_count_every_table_alike() -> None:
    rng = np.random.default_rng(0)
    found, low, high = mean_difference([rng.normal(0.3, 1.0, 400), rng.normal(-0.1, 1.0, 100)])
    assert low < found < high
    assert abs(found - 0.1) < 0.2
    assert 0.05 < (high - low) / 4 < 0.07  # s.e. of the mean of both means is sqrt(1/400 + 1/100) / 2 = 0.056


@pytest.fixture(scope="module")
def benchmark() -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
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
    assert {"autoact", "without mixture", "without distance"} <= set(results)
    assert "| autoact | " in capsys.readouterr().out == (tmp_path / "r.md").read_text() + "\n"
    assert "<svg" in (tmp_path / "r.svg").read_text()


def test_results_that_are_kept_are_not_played_again(tmp_path: Path, benchmark: dict, capsys) -> None:
    (tmp_path / "held_out").mkdir()
    measured().save(tmp_path / "held_out" / "stranger.npz")
    options = [f"--tables={tmp_path}", "--held-out", "--short", "--without-synthetic", "--costs=3"]
    options += ["--workers=1", "--prior=exact", f"--json={tmp_path / 'r.json'}"]
    assert benchmark["main"](options) == 0
    results = json.loads((tmp_path / "r.json").read_text())
    del results["held out: stranger"]["without mixture"]
    results["held out: stranger"]["autoact"]["3"] = [0.5, 0.5, 0.5, 0.5]
    (tmp_path / "r.json").write_text(json.dumps(results))
    capsys.readouterr()
    assert benchmark["main"](options) == 0
    shown = capsys.readouterr()
    assert [line.split(",")[0] for line in shown.err.splitlines()] == ["held out: stranger: without mixture"]
    assert "| autoact | 0.50 (0.50) |" in shown.out
    assert "| **held out** | " in shown.out


def test_what_the_noise_costs_is_judged_by_the_bars(benchmark: dict) -> None:
    medians = {"autoact": 0.4, "half of the noise": 0.3, "a tenth of the noise": 0.1, "TPE, best trial": 0.5}
    results = {
        "one": {name: Regrets((20.0,), np.full((4, 1), median)) for name, median in medians.items()},
        "synthetic: two": {"autoact": Regrets((20.0,), np.ones((4, 1)))},
    }
    *_, group, row, _ = benchmark["noise"](results).split("\n")
    assert row == (
        "| one | 0.80 [0.80, 0.80] | **0.60** [0.60, 0.60] | **0.20** [0.20, 0.20] "
        "| **0.40** | **0.30** | **0.10** | 0.50 |"
    )
    assert group.startswith("| **of development** | 0.80 ")


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path, benchmark: dict, capsys) -> None:
    assert benchmark["main"](["--without-synthetic", "--tables", str(tmp_path)]) == 2
    assert "holds no .npz table" in capsys.readouterr().err
