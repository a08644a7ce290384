"""Replays: seeds as agreed, costs as paid, statistics that are what they say."""

from collections.abc import Sequence
from typing import Literal
from unittest.mock import Mock, patch

import numpy as np
import optuna
import pytest

from autoact.search.optimizer import FunctionSpaceSampler
from scripts.benchmarks import tables
from scripts.benchmarks.replay import (
    Game,
    MeanOf,
    OneSeed,
    Search,
    function_space,
    mean_difference,
    play,
    random_search,
    ratio_of_medians,
    tpe,
)
from scripts.benchmarks.replay import _search as replay_search
from scripts.benchmarks.replay import _study as replay_study
from scripts.benchmarks.replay._study import new_study, picks
from tests.benchmarks.replay.measured import NAMES, measured

DISTANCE = frozenset({"smooth", "smooth interactions"})


def small(seed: int = 0) -> tables.SyntheticTable:
    return tables.additive(seed, layers=2, names=NAMES)


def test_trainings_use_each_seed_once_before_any_twice() -> None:
    game = Game(measured(), seed=5)
    values = [game.value((0, 1), run) for run in range(8)]
    assert len(set(values[:4])) == 4
    assert sorted(values[:4]) == sorted(values[4:])
    assert values[:4] != [Game(measured(), seed=6).value((0, 1), run) for run in range(4)]


def test_paired_trainings_share_their_seeds() -> None:
    table = measured()
    game = Game(table, seed=5, paired=True)
    for run in range(4):
        seeds = [
            next(s for s in range(4) if table.value(index, s, 1) == game.value(index, run))
            for index in ((0, 1), (2, 2), (1, 0))
        ]
        assert len(set(seeds)) == 1
    assert len({game.value((0, 1), run) for run in range(4)}) == 4


def test_a_training_with_repeats_shows_the_mean_of_as_many_seeds() -> None:
    table = measured()
    every = Game(table, seed=5, paired=True)
    calm = Game(table, seed=5, paired=True, repeats=2)
    for index, run in (((0, 1), 0), ((2, 2), 1)):
        two = [every.value(index, number) for number in (2 * run, 2 * run + 1)]
        assert calm.value(index, run) == pytest.approx(np.mean(two))
        assert two[0] != two[1]


def test_one_seed_plays_the_same_strategy_on_paired_trainings() -> None:
    seen: list[Game] = []

    def strategy(game: Game, costs: Sequence[float]) -> dict[float, tuple[int, ...]]:
        seen.append(game)
        return {cost: (0, 0) for cost in costs}

    assert OneSeed(strategy)(Game(measured(), seed=3), [2.0]) == {2.0: (0, 0)}
    assert (seen[0].seed, seen[0].paired) == (3, True)


@pytest.mark.parametrize(
    "strategy", [random_search, tpe, function_space, MeanOf(2), OneSeed(tpe), Search(), Search(seeds=0)]
)
@pytest.mark.parametrize("mode", ["min", pytest.param("max", marks=pytest.mark.slow)])
def test_every_strategy_finds_the_best_of_nine_with_patience(strategy, mode: Literal["min", "max"]) -> None:
    table = measured(mode=mode)
    found = play(lambda _: table, strategy, (2.0, 24.0), repetitions=3)
    assert found.quantile(24.0, 0.5) <= found.quantile(2.0, 0.5)
    assert found.quantile(24.0, 0.5) < 0.2


def test_repetitions_can_be_repeated() -> None:
    first, second = (play(small, Search(), (3.0,), repetitions=3).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


def first_trial(strategy: Search, game: Game) -> tuple[int, ...]:
    """Return what a search tries first: what it would recommend after one training."""
    cost = strategy.paid(game) + 1.0
    return strategy(game, [cost])[cost]


def test_a_mixture_is_paid_for_and_its_choice_is_tried_first() -> None:
    strategy, table = Search(prior="exact"), measured()
    game = Game(table, seed=0)
    best = np.unravel_index(table.priors["exact"].scores[0].argmax(), (3, 3))
    assert strategy.paid(game) == 1.0
    assert first_trial(strategy, game) == best
    assert set(strategy(game, [1.5, 2.0, 5.0])) == {2.0, 5.0}  # nothing would be left of 1.5


def test_a_mixture_that_the_table_lacks_costs_and_says_nothing() -> None:
    game = Game(measured(), seed=0)
    assert Search(prior="unknown").paid(game) == 1.0
    assert Search().paid(game) == 0.0
    assert first_trial(Search(prior="unknown"), game) == first_trial(Search(), game) == (0, 0)


def test_baselines_are_paid_for_and_told_with_their_seeds() -> None:
    table, seen = measured(), list[tuple[tuple[str, ...], int, float | None]]()
    game = Game(table, seed=0, paired=True)

    def best(_: FunctionSpaceSampler, study: optuna.Study) -> dict[str, str]:
        trials = study.get_trials(deepcopy=False)
        seen.extend((tuple(t.params.values()), t.user_attrs["seed"], t.value) for t in trials)
        return dict(trials[0].params)

    strategy = Search(baselines=2, first=1)
    with patch.object(FunctionSpaceSampler, "best_assignment", best):
        assert set(strategy(game, [6.0, 8.0])) == {8.0}  # six trainings of three baselines, then two trials
    told = seen[1:7]
    assert [(names, seed) for names, seed, _ in told] == [
        ((name,) * 2, seed) for seed in range(2) for name in NAMES
    ]
    assert [value for *_, value in told] == [game.value(game.index(names), seed) for names, seed, _ in told]
    assert len(seen) == 8


def test_a_race_trains_the_better_half_of_the_baselines_on_every_seed() -> None:
    game = Game(measured(), seed=0, paired=True)
    strategy, study = Search(baselines=3, raced=True), new_study(game, FunctionSpaceSampler(seed=0))
    strategy.told(game, study)
    told = [(trial.params["a"], trial.user_attrs["seed"]) for trial in study.get_trials(deepcopy=False)]
    ranked = sorted(NAMES, key=lambda name: game.value(game.index((name, name)), 0))
    assert told[:3] == [(name, 0) for name in NAMES]
    assert told[3:] == [(name, seed) for seed in (1, 2) for name in ranked[:2]]
    assert strategy.paid(game) == len(told)


def test_finalists_are_the_best_of_all_and_the_best_uniform_ones_and_are_paid_for() -> None:
    table = measured()
    game = Game(table, seed=0, paired=True)
    strategy, told = Search(baselines=2, raced=True, selection=3, seeds=3), list[tuple[str, ...]]()

    def tell(study: optuna.Study, game: Game, names: tuple[str, ...], seed: int) -> None:
        told.append(names)
        replay_study.tell(study, game, names, seed)

    with patch.object(replay_search, "tell", tell):
        assert set(strategy(game, [13.0])) == {13.0}  # baselines, two trials, two finalists
    assert strategy.paid(game) == 3 + 2 + 2 * 3
    first, second = finalists = told[5:7]
    assert told[5:] == finalists * 3
    assert first != second
    assert len(set(second)) == 1


def test_the_best_uniform_assignment_and_what_a_selection_prefers() -> None:
    table = measured()
    uniform = {(number, number) for number in range(3)}
    found = Search(baselines=1, uniform=True)(Game(table, seed=0), [8.0])[8.0]
    assert found == min(uniform, key=table.regret)
    before, after = (
        [
            small(seed).regret(Search(selection=seeds)(Game(small(seed), seed=seed), [1.0])[1.0])
            for seed in range(4)
        ]
        for seeds in (0, 2)
    )
    assert sum(after) < sum(before)


def test_a_term_that_is_left_out_is_missed_only_in_that_game() -> None:
    table = tables.additive(3, layers=3, names=(*NAMES, "sin"))
    whole = [Search()(Game(table, seed=seed), [8.0]) for seed in range(3)]
    assert [Search(without=DISTANCE)(Game(table, seed=seed), [8.0]) for seed in range(3)] != whole
    assert [Search()(Game(table, seed=seed), [8.0]) for seed in range(3)] == whole
    with pytest.raises(ValueError, match=r"\['smoth'\] are no terms; there are smooth, "):
        Search(without=frozenset({"smoth"}))(Game(table, seed=0), [8.0])


def test_trials_tell_their_seeds_and_train_with_them() -> None:
    game, seeds = Game(measured(), seed=0, paired=True), iter([3, 2, 0])
    study = new_study(game, optuna.samplers.RandomSampler(seed=0))
    picks(game, study, {3.0: 3}, Mock(return_value={"a": "relu", "b": "tanh"}), lambda *_: next(seeds))
    assert [trial.user_attrs["seed"] for trial in study.trials] == [3, 2, 0]
    for trial in study.trials:
        index = game.index((trial.params["a"], trial.params["b"]))
        assert trial.value == game.value(index, trial.user_attrs["seed"])


def test_a_training_that_fails_is_a_failed_trial() -> None:
    table = measured()
    table.selection[:, 0, 0] = np.nan
    game = Game(table, seed=0)
    study = new_study(game, optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial({"a": "relu", "b": "relu"})
    picks(game, study, {1.0: 1}, Mock(return_value={"a": "relu", "b": "tanh"}))
    assert study.trials[0].state == optuna.trial.TrialState.FAIL


def test_one_play_recommends_at_every_cost_what_separate_plays_would() -> None:
    strategy = Search(prior="exact")
    costs = [3.0, 5.0, 9.0]
    separate = {cost: strategy(Game(measured(), seed=2), [cost])[cost] for cost in costs}
    assert strategy(Game(measured(), seed=2), costs) == separate


def test_a_round_is_asked_for_before_any_of_its_trials_is_told() -> None:
    game = Game(measured(), seed=0)
    study, known = new_study(game, optuna.samplers.RandomSampler(seed=0)), list[int]()
    ask, names = study.ask, {"a": "relu", "b": "tanh"}

    def asked() -> optuna.Trial:
        known.append(sum(trial.state.is_finished() for trial in study.trials))
        return ask()

    events: list[int] = []
    with patch.object(study, "ask", asked):
        picks(
            game,
            study,
            {9.0: 9, 4.0: 4},
            Mock(return_value=names),
            before={2: lambda study: events.append(len(study.trials))},
            rounds=(1, 3),
        )
    assert known == [0, 1, 2, 2, 4, 4, 4, 7, 7], "costs and events end a round"
    assert events == [2]


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
