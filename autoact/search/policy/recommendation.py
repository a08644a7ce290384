"""What a search recommends: the best posterior mean, not the luckiest training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autoact.errors import SearchFailedError
from autoact.search.policy.knowledge import Knowledge
from autoact.search.policy.problem import Belief, Names, Outcome, Problem


def recommend(problem: Problem, history: Sequence[Outcome]) -> Belief:
    """Return the assignment with the best posterior mean among those that were trained to the end.

    Raises:
        SearchFailedError: No training ended with a number.
    """
    return ranking(problem, history)[0]


def ranking(problem: Problem, history: Sequence[Outcome]) -> list[Belief]:
    """Return what is believed of every assignment that was trained to the end, best first.

    Where nothing was, those count that were trained at all. A training that failed does not count.

    Raises:
        SearchFailedError: No training ended with a number.
    """
    usable = [outcome.step.assignment for outcome in history if not outcome.failed]
    if not usable:
        raise SearchFailedError(
            f"None of the {len(history)} trainings of the search ended with a finite value; see their errors."
        )
    ended = [o.step.assignment for o in history if not o.failed and o.step.stop == 1.0]
    found = beliefs(problem, history, sorted(set(ended or usable)))
    return sorted(found, key=lambda belief: belief.mean if problem.minimize else -belief.mean)


def beliefs(problem: Problem, history: Sequence[Outcome], assignments: Sequence[Names]) -> list[Belief]:
    """Return what a history with at least one value says of assignments, tried or not, in their order."""
    knowledge = Knowledge.of(problem, history)
    assert knowledge.surrogate is not None
    mean, covariance = knowledge.surrogate.posterior(knowledge.ends(knowledge.rows(assignments)))
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    mean, deviation = knowledge.surrogate.scale.restore(mean, deviation)
    sign = 1.0 if problem.minimize else -1.0
    return [
        Belief(names, sign * float(m), float(d))
        for names, m, d in zip(assignments, mean, deviation, strict=True)
    ]
