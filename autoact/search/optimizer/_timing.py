"""Time that an ask of `FunctionSpaceSampler` takes, measured on a study of values drawn at random."""

import time
from collections.abc import Mapping
from statistics import median

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import create_trial

from autoact.search.optimizer._sampler import FunctionSpaceSampler

_ASKS = 4  # the first warms up


def seconds_per_ask(distributions: Mapping[str, BaseDistribution], trials: int, seed: int = 0) -> float:
    """Return the seconds of one ask with so many trials done: the median of three, after one that warms up.

    Args:
        distributions: What a trial draws from, by parameter.
        trials: Trials that are done.
        seed: Of what is drawn.
    """
    space, rng = dict(distributions), np.random.default_rng(seed)
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=seed))
    random = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for number in range(max(trials, 1)):
        params = random.ask(space).params
        value = float(rng.standard_normal())
        study.add_trial(
            create_trial(params=params, distributions=space, value=value, user_attrs={"seed": number % 2})
        )
    times = []
    for _ in range(_ASKS):
        began = time.perf_counter()
        trial = study.ask(space)
        times.append(time.perf_counter() - began)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return median(times[1:])
