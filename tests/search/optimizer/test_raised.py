"""What raises again and again is asked for no more, and is no bad value either."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution

from autoact.search import FunctionSpaceSampler
from autoact.search.optimizer._raised import Raising
from autoact.search.optimizer._trial_observations import LayerSpace, observations

_BOTH = {(0, "elu"), (1, "elu")}
BEST_FIRST = ("elu", "gelu", "tanh", "relu")
NAMES = ("relu", "tanh", "gelu", "elu")


def played(
    raises: Callable[[Mapping[str, str]], bool], layers: int, trials: int, seed: int = 0
) -> optuna.Study:
    """Return a study whose trials raise for some assignments; the others have values."""
    space: dict[str, BaseDistribution] = {f"l{n}": CategoricalDistribution(NAMES) for n in range(layers)}
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=seed))
    study.enqueue_trial(dict.fromkeys(space, "relu"))
    for _ in range(trials):
        trial = study.ask(space)
        if raises(trial.params):
            trial.set_user_attr("raised", "IndexError: boom")
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            value = sum(map(BEST_FIRST.index, trial.params.values()))
            study.tell(trial, value + 0.1 * math.sin(trial.number))
    return study


def failed(study: optuna.Study) -> int:
    return sum(trial.state == optuna.trial.TrialState.FAIL for trial in study.trials)


@pytest.mark.parametrize("seed", range(3))
def test_an_activation_that_raises_everywhere_is_avoided_after_a_few_failures(seed: int) -> None:
    study = played(lambda chosen: "elu" in chosen.values(), layers=2, trials=30, seed=seed)
    assert 1 <= failed(study) <= 4
    assert [trial.state for trial in study.trials[-15:]] == [optuna.trial.TrialState.COMPLETE] * 15


def test_an_activation_that_raises_in_one_layer_is_tried_in_the_others() -> None:
    study = played(lambda chosen: chosen["l0"] == "elu", layers=2, trials=30)
    assert failed(study) <= 4
    layers = LayerSpace.of(study.trials[0].distributions)
    assert Raising.of(layers, study.trials).parts <= {frozenset({(0, "elu")}), frozenset(_BOTH)}
    assert any(trial.params["l1"] == "elu" and trial.value is not None for trial in study.trials)


def test_one_failure_may_be_the_machine() -> None:
    left = [True]

    def once(chosen: Mapping[str, str]) -> bool:
        return chosen["l0"] == "elu" and bool(left) and left.pop()

    study = played(once, layers=1, trials=20)
    assert failed(study) == 1
    assert Raising.of(LayerSpace.of(study.trials[0].distributions), study.trials) == Raising()
    assert any(t.params["l0"] == "elu" and t.value is not None for t in study.trials)


def test_what_raised_is_no_bad_value_and_what_diverged_is_one() -> None:
    study = played(lambda chosen: chosen["l0"] == "elu", layers=1, trials=12)
    assert failed(study)
    layers = LayerSpace.of(study.trials[0].distributions)
    assert np.isfinite(observations(layers, study.trials, True).values).all()
    diverged = optuna.create_study()
    trial = diverged.ask({"l0": CategoricalDistribution(NAMES)})
    diverged.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert np.isnan(observations(layers, diverged.trials, True).values).all()


def test_where_everything_raises_the_study_goes_on() -> None:
    study = played(lambda chosen: True, layers=2, trials=10)
    assert failed(study) == len(study.trials) == 10
