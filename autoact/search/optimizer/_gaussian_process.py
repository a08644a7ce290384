"""Gaussian process over assignments, hyperparameters, fidelities and seeds.

Model, on the standardized scale of `Scale`, smaller is better:

    y_n = m(phi_n) + w(phi_n) f(a_n) + g(h_n) + g2(h_n, a_n) + b(phi_n, a_n) + s(sigma_n) + s2(sigma_n, a_n)
          + t(r_n) + eps_n

Notation:
    N, M     observations, and points that are asked about
    a        assignment, candidate numbers (L,)
    h        hyperparameters, each on [0, 1], (H,)
    phi      fidelity: the part of a full training that was done, in (0, 1]
    r        run: the training that gave the value; values of one run share t
    sigma    random seed; trainings with one seed share s and s2
    f        value of an assignment: variances of the four kernels of `AssignmentKernel`
    g, g2    what hyperparameters do to all assignments, and to each its own way
    b        what short trainings mislead by, growing with their shortness
    w        how much wider the values of short trainings lie apart
    m        constants, of all values and of each fidelity below 1, with a fixed wide prior
    eps      noise of a single value
    K        kernel matrix of the observations, L its Cholesky factor: L L' = K + eps^2 I
    v        L^-1 k(X, x*): whitened cross-covariances, from which posterior variances follow

The variances are learned by maximum a posteriori under log-normal priors around `EXPECTED`.

References:
    Rasmussen and Williams: Gaussian Processes for Machine Learning. MIT Press (2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from autoact.search.optimizer._kernel import KERNELS, Array, AssignmentKernel, Indices
from autoact.search.optimizer._observations import Observations, Points, Scale

SEED, SEED_LAYERS, RUN, NOISE = "seed", "seed layers", "run", "noise"
HYPER, HYPER_LAYERS = "hyperparameters", "hyperparameters layers"
# Medians of the prior over variances, in units of the squared spread of values: geometric means of what
# scripts/benchmarks/estimate_variances.py finds on the tables of development in two rounds (2026-11-25);
# those of hyperparameters are guesses, wide enough to be learned.
EXPECTED: Mapping[str, float] = {
    "smooth": 0.22,
    "free": 0.14,
    "smooth interactions": 0.36,
    "free interactions": 0.12,
    "short": 1.1,
    "short interactions": 0.56,
    HYPER: 1.0,
    HYPER_LAYERS: 0.2,
    SEED: 0.11,
    SEED_LAYERS: 0.28,
    RUN: 0.02,
    NOISE: 0.02,
}
_HYPER_LENGTH = 0.3  # of [0, 1]: values of a hyperparameter that tell exp(-1/2) of each other
_DOUBT = 0.9  # s.d. of the logarithm of the kernels' variances: wider than the 0.2 to 0.7 from table to table
_WIDE_DOUBT = 1.5  # of those that may be next to nothing, or drown everything
_DOUBT_WIDENING = 0.7
_WIDENING_RANGE = (-2.0, 2.0)
_FADING = 2.0  # variance of what short trainings mislead by, as a power of their shortness
_CONSTANT = 4.0  # variance of m
_MOST_FITTED = 160  # observations from which variances are learned; all enter the posterior
_LOG_RANGE = (-12.0, 6.0)
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Covariance:
    """Prior covariance of values: a weighted sum of terms.

    Attributes:
        kernel: The kernels over assignments.
        shortest: The lowest fidelity there is.
        variances: Weight by term; one that is missing is left out.
        widening: Logarithm of w at the lowest fidelity.
    """

    kernel: AssignmentKernel
    shortest: float
    variances: Mapping[str, float]
    widening: float = 0.0

    def terms(self, first: Points, second: Points, matrices: Array | None = None) -> dict[str, Array]:
        """Return the covariance per unit of each variance, each of shape (N, M).

        Args:
            first: N points.
            second: M points.
            matrices: What the kernel gives for their assignments, (4, N, M), where it is known already.
        """
        if matrices is None:
            matrices = self.kernel.matrices(first.assignments, second.assignments)
        known = dict(zip(KERNELS, matrices, strict=True))
        additive, interactions = (matrices[0] + matrices[1]) / 2, (matrices[2] + matrices[3]) / 2
        own, other = (shortness(points.fidelities, self.shortest) for points in (first, second))
        if own.any() and other.any():
            short = np.minimum.outer(own, other) ** _FADING
            known["short"], known["short interactions"] = short * additive, short * interactions
        if first.hyperparameters.shape[1]:
            near = _near(first.hyperparameters, second.hyperparameters)
            known[HYPER], known[HYPER_LAYERS] = near, near * additive
        if (first.runs >= 0).any() and (second.runs >= 0).any():
            same = np.equal.outer(first.runs, second.runs) & (first.runs >= 0)[:, None]
            known[RUN] = same.astype(np.float64)
        if first.seeds is not None and second.seeds is not None:
            known[SEED] = np.equal.outer(first.seeds, second.seeds).astype(np.float64)
            known[SEED_LAYERS] = known[SEED] * additive
        return {name: term for name, term in known.items() if name in self.variances}

    def between(self, first: Points, second: Points, matrices: Array | None = None) -> Array:
        """Return the covariance of values without their noise, shape (N, M); arguments as of `terms`."""
        total = _constants(first, second)
        own, other = (shortness(points.fidelities, self.shortest) for points in (first, second))
        wider = np.exp(self.widening * own)[:, None] * np.exp(self.widening * other)
        for name, term in self.terms(first, second, matrices).items():
            total += self.variances[name] * (wider * term if name in KERNELS else term)
        return total

    def diagonal(self, points: Points) -> Array:
        """Return the variance of values without their noise, shape (N,)."""
        short = shortness(points.fidelities, self.shortest)
        own = self._sum(RUN) * (points.runs >= 0)
        if points.hyperparameters.shape[1]:
            own = own + self._sum(HYPER, HYPER_LAYERS)
        if points.seeds is not None:
            own = own + self._sum(SEED, SEED_LAYERS)
        early = self._sum("short", "short interactions") * short**_FADING
        signal = np.exp(2.0 * self.widening * short) * self._sum(*KERNELS)
        return np.asarray(signal + early + own + _CONSTANT * (1.0 + (points.fidelities < 1.0)))

    def _sum(self, *names: str) -> float:
        return sum(self.variances.get(name, 0.0) for name in names)


@dataclass(frozen=True, slots=True)
class Posterior:
    """Posterior of the values at M points, without their noise, standardized.

    Attributes:
        points: The points.
        mean: Shape (M,).
        variance: Shape (M,).
        whitened: v, shape (N, M).
    """

    points: Points
    mean: Array
    variance: Array
    whitened: Array

    def subset(self, rows: Indices) -> Posterior:
        """Return the posterior at some of the points."""
        return Posterior(
            self.points.subset(rows), self.mean[rows], self.variance[rows], self.whitened[:, rows]
        )


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """The process conditioned on observations.

    Attributes:
        covariance: The prior covariance with the variances that were learned.
        scale: The scale of the observations.
        points: Where they were made.
    """

    covariance: Covariance
    scale: Scale
    points: Points
    _matrices: Array  # of the assignments that were observed, not fantasized
    _weights: Array  # (K + eps^2 I)^-1 y
    _lower: Array

    @classmethod
    def fit(
        cls, kernel: AssignmentKernel, seen: Observations, expected: Mapping[str, float] = EXPECTED
    ) -> GaussianProcess:
        """Learn the variances by maximum a posteriori and condition on all observations.

        Args:
            kernel: The kernels over assignments.
            seen: N >= 1 observations.
            expected: Median variance by term, noise among them; another that is missing is left out.
        """
        scale = Scale.of(seen)
        scaled = scale.standardize(seen)
        used = dict(expected)
        if seen.seeds is None:  # what seeds do is noise where nobody knows them
            used[NOISE] += sum(expected.get(name, 0.0) for name in (SEED, SEED_LAYERS))
        matrices = kernel.matrices(seen.assignments, seen.assignments)
        covariance = Covariance(kernel, float(seen.fidelities.min()), used)
        count = len(seen)
        rows = np.unique(np.linspace(0, count - 1, min(count, _MOST_FITTED)).astype(np.intp))  # evenly spread
        covariance = _learn(covariance, seen.subset(rows), matrices[:, rows][:, :, rows], scaled[rows])
        lower = _cholesky(covariance, covariance.between(seen, seen, matrices))
        return cls(covariance, scale, seen, matrices, np.asarray(cho_solve((lower, True), scaled)), lower)

    def fantasize(self, points: Points) -> GaussianProcess:
        """Return the process as if values had come out as expected there: equal means, smaller variances."""
        whitened = self.posterior(points).whitened
        corner = _cholesky(self.covariance, self.covariance.between(points, points) - whitened.T @ whitened)
        above = np.concatenate([self._lower, np.zeros_like(whitened)], axis=1)
        return replace(
            self,
            points=self.points.joined(points),
            _weights=np.concatenate([self._weights, np.zeros(len(points))]),
            _lower=np.concatenate([above, np.concatenate([whitened.T, corner], axis=1)]),
        )

    def mean(self, points: Points) -> Array:
        """Return the posterior mean at some points, standardized, (M,)."""
        return np.asarray(self.covariance.between(points, self.points) @ self._weights)

    def observed_means(self) -> Array:
        """Return the posterior mean at the end of training of everything that was observed, (N,)."""
        count = self._matrices.shape[1]
        seen = self.points.subset(np.arange(count))
        ends = Points.means(seen.assignments, seen.hyperparameters)
        return np.asarray(self.covariance.between(ends, seen, self._matrices) @ self._weights[:count])

    def posterior(self, points: Points) -> Posterior:
        """Return mean and variance of values without their noise, and what it takes to relate them."""
        cross = self.covariance.between(points, self.points)
        whitened = solve_triangular(self._lower, cross.T, lower=True, check_finite=False)
        left = self.covariance.diagonal(points) - np.square(whitened).sum(axis=0)
        return Posterior(points, cross @ self._weights, np.maximum(left, 0.0), whitened)

    def of_runs(self, means: Posterior) -> Posterior:
        """Return the posterior of new whole trainings with unknown seeds, given that of their means."""
        new = np.full(len(means.points), self.points.runs.max() + 1, dtype=np.intp)
        variance = means.variance + self.covariance.variances.get(RUN, 0.0)
        return replace(means, points=replace(means.points, runs=new), variance=variance)

    def joint(self, first: Posterior, second: Posterior) -> Array:
        """Return the posterior covariance between the values at two lists of points, standardized, (N, M)."""
        prior = self.covariance.between(first.points, second.points)
        return np.asarray(prior - first.whitened.T @ second.whitened)

    @property
    def noise(self) -> float:
        """Variance of the noise of a single value, standardized."""
        return self.covariance.variances[NOISE]


def shortness(fidelities: Array, shortest: float) -> Array:
    """Return how far partial trainings are from full ones: 0 for full, 1 for the shortest.

    Example:
        >>> shortness(np.array([0.01, 0.1, 1.0]), 0.01).round(2).tolist()
        [1.0, 0.5, 0.0]
    """
    if shortest >= 1.0:
        return np.zeros(len(fidelities))
    return np.asarray(np.abs(np.log(fidelities) / np.log(shortest)))


def _near(first: Array, second: Array) -> Array:
    """Return exp(-|h - h'|^2 / (2 length^2)) for all pairs, (N, M)."""
    apart = np.square(first[:, None, :] - second[None, :, :]).sum(axis=2)
    return np.asarray(np.exp(-0.5 * apart / _HYPER_LENGTH**2))


def _constants(first: Points, second: Points) -> Array:
    """Return the covariance of m."""
    same = np.equal.outer(first.fidelities, second.fidelities) & (first.fidelities < 1.0)[:, None]
    return np.asarray(_CONSTANT * (1.0 + same))


def _cholesky(covariance: Covariance, matrix: Array) -> Array:
    noisy = matrix + (covariance.variances[NOISE] + _JITTER) * np.eye(len(matrix))
    return np.asarray(np.linalg.cholesky(noisy), dtype=np.float64)


def _learn(covariance: Covariance, points: Points, matrices: Array, values: Array) -> Covariance:
    """Return the covariance that is most probable after the values."""
    named = {**covariance.terms(points, points, matrices), NOISE: np.eye(len(points))}
    names, terms = list(named), np.stack(list(named.values()))
    signal = np.array([name in KERNELS for name in names])
    fixed = _constants(points, points) + _JITTER * np.eye(len(points))
    start = np.array([*np.log([covariance.variances[name] for name in names]), 0.0])
    doubt = np.array([_DOUBT if name in KERNELS else _WIDE_DOUBT for name in names] + [_DOUBT_WIDENING])
    short = shortness(points.fidelities, covariance.shortest)
    both = np.add.outer(short, short)

    def loss(theta: Array) -> tuple[float, Array]:
        wider = np.exp(theta[-1] * both)
        weighted = np.exp(theta[:-1])[:, None, None] * terms
        of_signal = wider * weighted[signal].sum(axis=0)
        lower, failed = dpotrf(of_signal + weighted[~signal].sum(axis=0) + fixed, lower=1)
        if failed:
            return 1e10, np.zeros(len(theta))
        inverse, _ = dpotri(lower, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        alpha = inverse @ values
        away = (theta - start) / doubt
        cost = 0.5 * values @ alpha + np.log(np.diag(lower)).sum() + 0.5 * away @ away
        pull = 0.5 * (inverse - np.outer(alpha, alpha))
        slopes = np.where(
            signal, np.tensordot(weighted, pull * wider, axes=2), np.tensordot(weighted, pull, axes=2)
        )
        return float(cost), np.append(slopes, (of_signal * both * pull).sum()) + away / doubt

    bounds = [_LOG_RANGE] * len(names) + [_WIDENING_RANGE]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40, "ftol": 1e-4}
    )
    variances = {**covariance.variances, **dict(zip(names, np.exp(found.x[:-1]).tolist(), strict=True))}
    return replace(covariance, variances=variances, widening=float(found.x[-1]))
