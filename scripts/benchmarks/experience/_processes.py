"""Gaussian processes that rest on an earlier run, too: its posterior mean as prior mean, or its trainings.

*mean*: y = b mu(a) + what the process of a search says; mu is the posterior mean of the earlier run at the
moved layers, b is normal with a given mean and a variance that is learned around a given one.
*joint*: the trainings of both runs in one process; f is the sum of a part that both share and one of each
run, all variances learned, around a given share of what is expected and the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import cho_solve

from autoact.search.optimizer._gaussian_process import (
    EXPECTED,
    HYPER_LAYERS,
    NOISE,
    SEED,
    SEED_LAYERS,
    Covariance,
    GaussianProcess,
    Posterior,
    _cholesky,
    _learn,
)
from autoact.search.optimizer._kernel import KERNELS, Array, AssignmentKernel
from autoact.search.optimizer._observations import Observations, Points, Scale
from scripts.benchmarks.experience._trainings import Earlier

EARLIER = "earlier"
OWN = {name: f"own {name}" for name in KERNELS}
FAR = 9.0  # between two runs, as a hyperparameter on [0, 1]: their constants say nothing of each other
Fit = Callable[..., GaussianProcess]


@dataclass(frozen=True, slots=True)
class _Sloped(Covariance):
    """A covariance with a term for the slope of a known function of assignments.

    Attributes:
        known: The function, (K_1, ..., K_L).
    """

    known: Array = field(default_factory=lambda: np.empty(0))

    def at(self, points: Points) -> Array:
        """Return the function at some points, (N,)."""
        return np.asarray(self.known[tuple(points.assignments.T)])

    def terms(self, first: Points, second: Points, matrices: Array | None = None) -> dict[str, Array]:
        """Return the covariance per unit of each variance."""
        own = {EARLIER: np.multiply.outer(self.at(first), self.at(second))}
        return {**Covariance.terms(self, first, second, matrices), **own}

    def diagonal(self, points: Points) -> Array:
        """Return the variance of values without their noise."""
        return Covariance.diagonal(self, points) + self.variances[EARLIER] * self.at(points) ** 2


@dataclass(frozen=True, slots=True)
class MeanProcess(GaussianProcess):
    """A process whose prior mean is a known function, times a slope."""

    slope: float = 1.0

    def _prior(self, points: Points) -> Array:
        assert isinstance(self.covariance, _Sloped)
        return self.slope * self.covariance.at(points)

    def mean(self, points: Points) -> Array:
        """Return the posterior mean."""
        return GaussianProcess.mean(self, points) + self._prior(points)

    def observed_means(self) -> Array:
        """Return the posterior mean of everything that was observed."""
        seen = self.points.subset(np.arange(self._matrices.shape[1]))
        return GaussianProcess.observed_means(self) + self._prior(seen)

    def posterior(self, points: Points) -> Posterior:
        """Return mean and variance."""
        found = GaussianProcess.posterior(self, points)
        return replace(found, mean=found.mean + self._prior(points))


def mean_fit(earlier: Earlier, sizes: tuple[int, ...], slope: float, variance: float) -> Fit:
    """Return what fits a process whose prior mean is an earlier run's posterior mean.

    Args:
        earlier: The earlier run.
        sizes: Candidates by layer of the new run.
        slope: Mean of the slope; 1: what the earlier run says.
        variance: Median of the prior of its variance.
    """
    grid = np.array(list(itertools.product(*map(range, sizes))), dtype=np.intp)
    found = GaussianProcess.fit(earlier.kernel, earlier.seen).mean(Points.means(grid))
    return partial(_fit_mean, (found - found.mean()).reshape(sizes), slope, variance)


def _fit_mean(
    known: Array,
    slope: float,
    variance: float,
    kernel: AssignmentKernel,
    seen: Observations,
    expected: Mapping[str, float] = EXPECTED,
) -> MeanProcess:
    covariance = _Sloped(kernel, 1.0, {**expected, EARLIER: variance}, known=known)
    scale, points = Scale.of(seen), _points(seen)
    values = scale.standardize(seen) - slope * covariance.at(points)
    return MeanProcess(scale=scale, points=points, slope=slope, **_learned(covariance, points, values))


@dataclass(frozen=True, slots=True)
class _OfTwo(Covariance):
    """A covariance of two runs; the first hyperparameter of a point says of which it is."""

    def terms(self, first: Points, second: Points, matrices: Array | None = None) -> dict[str, Array]:
        """Return the covariance per unit of each variance."""
        if matrices is None:
            matrices = self.kernel.matrices(first.assignments, second.assignments)
        same = np.equal.outer(first.hyperparameters[:, 0], second.hyperparameters[:, 0])
        own = {OWN[name]: same * matrix for name, matrix in zip(KERNELS, matrices, strict=True)}
        return {**Covariance.terms(self, first, second, matrices), **own}

    def diagonal(self, points: Points) -> Array:
        """Return the variance of values without their noise."""
        return Covariance.diagonal(self, points) + self._sum(*OWN.values())


@dataclass(frozen=True, slots=True)
class JointProcess(GaussianProcess):
    """A process of two runs; points without hyperparameters are of the new run.

    Attributes:
        count: Observations of the new run, which come first.
    """

    count: int = 0

    def mean(self, points: Points) -> Array:
        """Return the posterior mean."""
        return GaussianProcess.mean(self, _of_run(points, 0.0))

    def observed_means(self) -> Array:
        """Return the posterior mean of what the new run has observed."""
        return self.mean(Points.means(self.points.assignments[: self.count]))

    def posterior(self, points: Points) -> Posterior:
        """Return mean and variance."""
        return GaussianProcess.posterior(self, _of_run(points, 0.0))


def joint_fit(earlier: Earlier, shared: float) -> Fit:
    """Return what fits a process to an earlier run's trainings and the new ones.

    Args:
        earlier: The earlier run.
        shared: Part of the expected variances that the runs share, in (0, 1).
    """
    return partial(_fit_joint, earlier, shared)


def _fit_joint(
    earlier: Earlier,
    shared: float,
    kernel: AssignmentKernel,
    seen: Observations,
    expected: Mapping[str, float] = EXPECTED,
) -> JointProcess:
    variances = {name: value for name, value in expected.items() if name != HYPER_LAYERS}
    for name, own in OWN.items():
        variances[own], variances[name] = (1 - shared) * expected[name], shared * expected[name]
    before = earlier.seen
    new, old = _of_run(_points(seen), 0.0), _of_run(_points(before), FAR)
    if new.seeds is None or old.seeds is None:
        variances[NOISE] += expected[SEED] + expected[SEED_LAYERS]
    else:
        old = replace(old, runs=old.runs + 10**6, seeds=old.seeds + 10**6)
    points, scale = new.joined(old), Scale.of(seen)
    values = np.append(scale.standardize(seen), Scale.of(before).standardize(before))
    learned = _learned(_OfTwo(earlier.kernel, 1.0, variances), points, values)
    return JointProcess(scale=scale, points=points, count=len(seen), **learned)


def _learned(covariance: Covariance, points: Points, values: Array) -> dict[str, Any]:
    """Return what a process holds beside scale and points."""
    matrices = covariance.kernel.matrices(points.assignments, points.assignments)
    learned = _learn(covariance, points, matrices, values)
    lower = _cholesky(learned, learned.between(points, points, matrices))
    weights = np.asarray(cho_solve((lower, True), values))
    return {"covariance": learned, "_matrices": matrices, "_weights": weights, "_lower": lower}


def _points(seen: Observations) -> Points:
    return Points(seen.assignments, seen.fidelities, seen.runs, seen.hyperparameters, seen.seeds)


def _of_run(points: Points, run: float) -> Points:
    """Return points with the run that they are of as only hyperparameter, if they have none."""
    if points.hyperparameters.shape[1]:
        return points
    return replace(points, hyperparameters=np.full((len(points), 1), run))
