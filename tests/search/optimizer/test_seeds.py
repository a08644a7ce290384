"""Trials that tell their random seed: seeds take turns, and what they do is told from what activations do."""

import optuna
import pytest

from autoact.errors import ConfigurationError
from autoact.search.optimizer import FunctionSpaceSampler, _sampler
from autoact.search.optimizer._acquisition import candidate_set

NAMES = ("relu", "gelu", "tanh", "sin")
LUCK = {0: 0.0, 1: 5.0}  # what a seed adds to every value, larger than what activations do


def played(sampler: FunctionSpaceSampler, trials: int, *, told: bool = True) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    for _ in range(trials):
        trial = study.ask()
        layers = [trial.suggest_categorical(f"layer{i}", NAMES) for i in range(3)]
        seed = sampler.next_seed(study, trial)
        if told:
            trial.set_user_attr("seed", seed)
        study.tell(trial, LUCK.get(seed, 2.0) - 0.3 * layers.count("tanh") + 0.1 * layers.count("relu"))
    return study


def test_seeds_take_turns_and_no_assignment_has_one_twice() -> None:
    study = played(FunctionSpaceSampler(seed=1), 30)
    seeds = [trial.user_attrs["seed"] for trial in study.trials]
    assert seeds[:2] == [0, 1]
    pairs = [(*trial.params.values(), seed) for trial, seed in zip(study.trials, seeds, strict=True)]
    assert len(set(pairs)) == len(pairs)


def test_a_seed_that_something_else_trains_with_is_not_taken() -> None:
    sampler = FunctionSpaceSampler(seed=0, seeds=3)
    study = optuna.create_study(sampler=sampler)
    trial = study.ask()
    trial.suggest_categorical("a", NAMES)
    assert [sampler.next_seed(study, trial, range(count)) for count in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(3))
def test_the_luck_of_a_seed_is_not_taken_for_an_activation(seed: int) -> None:
    sampler = FunctionSpaceSampler(seed=seed)
    assert set(sampler.best_assignment(played(sampler, 16)).values()) == {"tanh"}


def test_a_trial_that_does_not_tell_shares_its_seed_with_none() -> None:
    sampler = FunctionSpaceSampler(seed=0)
    study = played(sampler, 6)
    trial = study.ask()
    for i in range(3):
        trial.suggest_categorical(f"layer{i}", NAMES)
    study.tell(trial, 1.0)
    assert set(sampler.best_assignment(study)) == {"layer0", "layer1", "layer2"}


def test_running_trials_keep_their_seed_from_others() -> None:
    sampler = FunctionSpaceSampler(seed=0, seeds=1)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial({"a": "relu"})
    study.enqueue_trial({"a": "relu"})
    numbers = []
    for _ in range(2):
        trial = study.ask()
        trial.suggest_categorical("a", NAMES)
        trial.set_user_attr("seed", sampler.next_seed(study, trial))
        numbers.append(trial.user_attrs["seed"])
    assert numbers == [0, 1]


def test_candidates_are_weighed_in_spaces_too_large_to_list(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[set[tuple[int, ...]]] = []

    def spied(sizes, tried, rng):
        rows = candidate_set(sizes, tried, rng)
        weighed.append(set(map(tuple, rows.tolist())))
        return rows

    monkeypatch.setattr(_sampler, "candidate_set", spied)
    uniform = [dict.fromkeys((f"layer{i}" for i in range(12)), name) for name in NAMES]
    sampler = FunctionSpaceSampler(seed=0, candidates=[*uniform, {"layer0": "unknown"}])
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda t: [t.suggest_categorical(f"layer{i}", NAMES) for i in range(12)].count("sin"), 3)
    assert len(weighed) == 2
    assert all({(number,) * 12 for number in range(len(NAMES))} <= rows for rows in weighed)


def test_at_least_one_seed() -> None:
    with pytest.raises(ConfigurationError, match="seeds is 0; trials take at least 1 seed in turn"):
        FunctionSpaceSampler(seeds=0)
