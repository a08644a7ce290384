"""How long the policy takes to choose the trainings of a search, measured on an imagined one."""

import time
from statistics import median

import numpy as np

from autoact.search.plan import Counts, is_guided
from autoact.search.policy import Outcome, Problem, Step, next_steps
from autoact.search.rungs import Rungs
from autoact.search.settings import Settings
from autoact.search.variables import Variables
from autoact.search.vocabulary import Vocabulary

_MEASURED = 4  # decisions; the first warms up


def seconds_to_decide(settings: Settings, variables: Variables, rungs: Rungs) -> float:
    """Return the estimated seconds of all decisions of a search: one per training of its budget.

    A decision takes longer the more is known, so it is measured halfway: on values drawn at random for half
    as many trainings. The median of three counts, after one that warms up.

    Args:
        settings: The settings.
        variables: What is searched.
        rungs: Where trainings may pause.

    Returns:
        Seconds; 0 where TPE searches, which takes milliseconds.
    """
    trials = Counts.of(settings, variables).trials
    if not is_guided(settings, variables) or trials < 1:
        return 0.0
    problem = Problem(
        candidates=Vocabulary.of(variables, None).candidates,
        budget=float(trials),
        fractions=rungs.fractions,
        minimize=settings.minimize,
        carry=rungs.carry,
        seed=settings.seed,
    )
    history = _imagined(problem, max(trials // 2, 1))
    return trials * median([_decide(problem, history) for _ in range(_MEASURED)][1:])


def _decide(problem: Problem, history: list[Outcome]) -> float:
    began = time.perf_counter()
    next_steps(problem, history)
    return time.perf_counter() - began


def _imagined(problem: Problem, count: int) -> list[Outcome]:
    """Return full trainings of assignments drawn at random, each as its own run."""
    rng = np.random.default_rng(problem.seed)
    drawn = [tuple(str(rng.choice(names)) for names in problem.candidates) for _ in range(count)]
    different = dict.fromkeys(drawn)
    return [
        Outcome(Step(names, number % problem.seeds, 0.0, 1.0), {1.0: rng.normal()})
        for number, names in enumerate(different)
    ]
