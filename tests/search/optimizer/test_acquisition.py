"""Acquisition: against formulas, against draws, and where nothing is left to learn."""

from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import create_trial
from scipy.stats import norm

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._acquisition import (
    LISTED,
    best_training,
    candidate_set,
    knowledge_gradient,
    shortlist,
    slopes,
    surprises,
)
from autoact.search.optimizer._gaussian_process import NOISE, RUN, GaussianProcess
from autoact.search.optimizer._kernel import kernel_of
from autoact.search.optimizer._observations import Observations, Points

NAMES = ("relu", "leaky_relu", "gelu", "tanh", "sin")
STEP = 0.25  # between the surprises that are looked at


def fitted(rng, count: int = 25, short: bool = True) -> GaussianProcess:
    """A surrogate of random values of random trainings, some of them continued."""
    seen = Observations(
        assignments=rng.integers(5, size=(count, 2)),
        fidelities=rng.choice([0.25, 1.0], count) if short else np.ones(count),
        runs=np.arange(count),
        values=rng.standard_normal(count),
        hyperparameters=np.empty((count, 0)),
    )
    return GaussianProcess.fit(kernel_of((NAMES,) * 2), seen)


def everything() -> Points:
    return Points.means(
        candidate_set([5, 5], lambda: np.empty((0, 2), dtype=np.intp), np.random.default_rng(0))
    )


@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("move", [(-1.0, 0.0), (0.2, 0.9), (0.0, -0.01)])
def test_with_two_alternatives_it_is_the_expected_improvement(
    apart: float, move: tuple[float, float]
) -> None:
    width = abs(move[0] - move[1])
    expected = width * norm.pdf(apart / width) - apart * norm.cdf(-apart / width)
    found = knowledge_gradient(np.array([0.0, apart]), np.array([move]))
    assert found == pytest.approx([expected], abs=width * norm.pdf(0) * STEP**2 / 8)  # the trapezoid's error


def test_it_is_what_draws_gain(rng) -> None:
    """Condition on values drawn for one training more, and average by how much the best mean falls."""
    surrogate = fitted(rng)
    ends = surrogate.posterior(everything())
    one = int(np.flatnonzero(surrogate.points.fidelities < 1.0)[0])
    going_on = surrogate.points.assignments[[one]]
    trainings = Points(
        np.concatenate([[[0, 3], [4, 4]], going_on, going_on]),
        np.array([1.0, 0.25, 1.0, 1.0]),
        np.array([100, 101, surrogate.points.runs[one], 102]),
        np.empty((4, 0)),
    )
    found = knowledge_gradient(ends.mean, slopes(surrogate, surrogate.posterior(trainings), ends))
    between, noise = surrogate.covariance.between, surrogate.noise + 1e-8
    for number in range(4):
        new = trainings.subset(np.array([number]))
        known = surrogate.points.joined(new)
        outlook = surrogate.posterior(new)
        mean, variance = outlook.mean, outlook.variance
        drawn = mean + np.sqrt(variance[0] + noise) * rng.standard_normal(100_000)
        gram = between(known, known) + noise * np.eye(len(known))
        influence = np.linalg.solve(gram, between(known, ends.points))
        # all means are linear in the drawn value, and are those of before at the value that was expected
        lowest = (ends.mean[:, None] + np.outer(influence[-1], drawn - mean)).min(axis=0)
        error = lowest.std() / np.sqrt(len(drawn))
        assert abs(ends.mean.min() - lowest.mean() - found[number]) < 4 * error + 0.02 * found[number]
        assert found[number] > 0


def test_a_training_that_goes_on_has_less_to_surprise_with(rng) -> None:
    surrogate = fitted(rng)
    one = np.flatnonzero(surrogate.points.fidelities < 1.0)[:1]
    row, run = surrogate.points.assignments[one], surrogate.points.runs[one]
    going_on, new = (
        surrogate.posterior(Points(row, np.ones(1), number, np.empty((1, 0))))
        for number in (run, np.array([99]))
    )
    assert going_on.variance[0] < new.variance[0] - 0.1 * surrogate.covariance.variances[RUN]
    trained = surrogate.of_runs(surrogate.posterior(Points.means(row)))
    assert trained.variance == pytest.approx(new.variance)
    assert trained.mean == pytest.approx(new.mean)
    ends = surrogate.posterior(everything())
    np.testing.assert_allclose(slopes(surrogate, trained, ends), slopes(surrogate, new, ends), atol=1e-12)


def test_noise_is_paid_for(rng) -> None:
    """The same beliefs are moved less by values that are noisier."""
    surrogate = fitted(rng)
    ends = surrogate.posterior(everything())
    variances = {**surrogate.covariance.variances, NOISE: 10 * surrogate.noise}
    noisier = replace(surrogate, covariance=replace(surrogate.covariance, variances=variances))
    quiet, loud = (
        knowledge_gradient(ends.mean, slopes(each, each.of_runs(ends), ends)) for each in (surrogate, noisier)
    )
    assert (loud < quiet).all()


def test_what_is_certain_is_worth_nothing(rng) -> None:
    assert knowledge_gradient(np.array([0.0, 1.0]), np.zeros((3, 2))).tolist() == [0.0, 0.0, 0.0]
    rows = np.concatenate([np.zeros((200, 2), dtype=np.intp), rng.integers(1, 5, size=(6, 2))])
    seen = Observations(
        assignments=rows,
        fidelities=np.ones(206),
        runs=np.arange(206),
        values=0.1 * rng.standard_normal(206) + rows.sum(axis=1),
        hyperparameters=np.empty((206, 0)),
    )
    surrogate = GaussianProcess.fit(kernel_of((NAMES,) * 2), seen)
    ends = surrogate.posterior(everything())
    worth = knowledge_gradient(ends.mean, slopes(surrogate, surrogate.of_runs(ends), ends))
    assert worth[0] < 0.1 * worth.max()


def test_it_is_never_negative(rng) -> None:
    for _ in range(200):
        mean, moves = 100 * rng.standard_normal(9), rng.standard_normal((5, 9)) * 10.0 ** rng.integers(-9, 2)
        assert knowledge_gradient(mean, moves).min() >= -1e-12


def test_the_least_surprise_that_changes_the_recommendation(rng) -> None:
    mean, moves = rng.standard_normal(6), rng.standard_normal((4, 6))
    for needed, move in zip(surprises(mean, moves), moves, strict=True):
        below, above = ((mean + sign * 0.999 * needed * move).argmin() for sign in (-1, 1))
        assert below == above == mean.argmin()
        assert {int((mean + s * 1.001 * needed * move).argmin()) for s in (-1, 1)} != {int(mean.argmin())}


def test_where_nothing_gains_the_doubtful_is_trained(rng) -> None:
    """Each of 25 was trained 12 times: more than four standard deviations part the best from the second."""
    rows = np.repeat(everything().assignments, 12, axis=0)
    seen = Observations(
        assignments=rows,
        fidelities=np.ones(300),
        runs=np.arange(300),
        values=rows @ np.array([1.0, 10.0]) + 1e-3 * rng.standard_normal(300),
        hyperparameters=np.empty((300, 0)),
    )
    surrogate = GaussianProcess.fit(kernel_of((NAMES,) * 2), seen)
    ends = surrogate.posterior(everything())
    trainings = surrogate.of_runs(ends)
    moves = slopes(surrogate, trainings, ends)
    assert knowledge_gradient(ends.mean, moves).max() <= 1e-12
    chosen = best_training(surrogate, trainings, ends)
    assert chosen == surprises(ends.mean, moves).argmin()
    pair = trainings.subset(np.array([chosen, chosen]))
    assert best_training(surrogate, pair, ends) == 0


def test_of_equals_the_first_is_trained(rng) -> None:
    surrogate = fitted(rng)
    ends = surrogate.posterior(everything())
    same = surrogate.of_runs(ends.subset(np.array([7, 7, 7])))
    assert best_training(surrogate, same, ends) == 0


def test_a_study_that_knows_its_best_still_tries_others() -> None:
    """Without any noise, all 16 known: what is asked is neither always one assignment nor the first."""
    space: dict[str, BaseDistribution] = {name: CategoricalDistribution(NAMES[:4]) for name in "ab"}
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    for _ in range(3):
        for i, first in enumerate(NAMES[:4]):
            for j, second in enumerate(NAMES[:4]):
                params = {"a": first, "b": second}
                value = 100.0 * abs(i - 2) + 10.0 * abs(j - 1)
                study.add_trial(create_trial(params=params, distributions=space, value=value))
    asked = []
    for _ in range(24):
        trial = study.ask(space)
        i, j = (NAMES.index(trial.params[name]) for name in "ab")
        study.tell(trial, 100.0 * abs(i - 2) + 10.0 * abs(j - 1))
        asked.append((i, j))
    assert len(set(asked)) >= 3
    assert max(asked.count(each) for each in asked) <= 16
    assert asked.count((0, 0)) <= 4


def test_the_shortlist_keeps_what_may_be_best(rng) -> None:
    surrogate = fitted(rng)
    ends = surrogate.posterior(everything())
    few = replace(ends, mean=np.tile(ends.mean, 8), variance=np.tile(ends.variance, 8))
    kept = shortlist(few)
    hopeful = few.mean - 2.0 * np.sqrt(few.variance)
    assert len(kept) == 96
    assert hopeful[kept].max() <= np.delete(hopeful, kept).min() + 1e-12


@pytest.mark.parametrize("sizes", [[2], [1, 3], [32, 32], [5, 300], [40] * 50])
def test_a_candidate_set_is_everything_or_differs(rng, sizes: list[int]) -> None:
    tried = rng.integers(sizes, size=(30, len(sizes)))
    options = candidate_set(sizes, lambda: tried, rng)
    everything = float(np.prod([float(size) for size in sizes]))
    assert len(np.unique(options, axis=0)) == len(options)
    assert (options < sizes).all()
    assert len(options) == everything if everything <= LISTED else 128 <= len(options) <= LISTED
