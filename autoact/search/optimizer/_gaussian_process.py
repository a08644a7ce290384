"""A Gaussian process over assignments that pools whole and partial trainings, everything learned shrunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from autoact.search.optimizer._kernel import COMPONENTS, Array, Indices, Similarity
from autoact.search.optimizer._observations import Observations, Scale

PRIOR, SEED, SEED_LAYERS, TRAINING, NOISE = "prior", "seed", "seed layers", "training", "noise"
# Variances expected before anything is seen, in units of the squared spread of values: geometric means of
# what scripts/estimate_variances.py finds on the search tables of development in two rounds, 2026-11-25.
EXPECTED: Mapping[str, float] = {
    "smooth": 0.22,
    "free": 0.14,
    "smooth interactions": 0.36,
    "free interactions": 0.12,
    PRIOR: 0.1,
    "short": 1.1,
    "short interactions": 0.56,
    SEED: 0.11,
    SEED_LAYERS: 0.28,
    TRAINING: 0.02,
    NOISE: 0.02,
}
SIGNAL = frozenset({*COMPONENTS, PRIOR})  # terms of the true value; it may be wider apart early
_DOUBT = 0.9  # s.d. of the logarithm of each of them: wider than the 0.2 to 0.7 from table to table
_WIDE_DOUBT = 1.5  # of those that may be next to nothing, or drown everything: priors, short trainings, noise
_DOUBT_WIDENING = 0.7
_WIDENING_RANGE = (-2.0, 2.0)
_FADING = 2.0  # variance of what short trainings mislead by, as a power of their shortness
_CONSTANT = 4.0  # variance of what all values have in common, and of what those of one fraction do
_MOST_FITTED = 160  # observations from which variances are learned; all enter the posterior
_LOG_RANGE = (-12.0, 6.0)
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Points:
    """Where values are, observed or not.

    Attributes:
        assignments: Candidate numbers, shape (N, L).
        fractions: Parts of a full training, shape (N,).
        runs: Which training, shape (N,); -1 is the mean over all trainings.
        scores: A prior's standardized scores, (N,), smaller is better; None without a prior.
        seeds: Random seed of the training, (N,), numbered; None where no two are known to share one.
    """

    assignments: Indices
    fractions: Array
    runs: Indices
    scores: Array | None = None
    seeds: Indices | None = None

    @classmethod
    def ends(cls, assignments: Indices, scores: Array | None = None) -> Points:
        """Return the mean values of assignments at the end of training."""
        count = len(assignments)
        return cls(assignments, np.ones(count), np.full(count, -1, dtype=np.intp), scores)

    def subset(self, rows: Indices) -> Points:
        """Return some of the points."""
        scores = None if self.scores is None else self.scores[rows]
        seeds = None if self.seeds is None else self.seeds[rows]
        return Points(self.assignments[rows], self.fractions[rows], self.runs[rows], scores, seeds)

    def joined(self, others: Points) -> Points:
        """Return these points and then others."""
        both = None if self.scores is None else np.concatenate([self.scores, _required(others.scores)])
        seeds = (
            None if self.seeds is None or others.seeds is None else np.concatenate([self.seeds, others.seeds])
        )
        return Points(
            np.concatenate([self.assignments, others.assignments]),
            np.concatenate([self.fractions, others.fractions]),
            np.concatenate([self.runs, others.runs]),
            both,
            seeds,
        )

    def __len__(self) -> int:
        return len(self.fractions)


@dataclass(frozen=True, slots=True)
class Covariance:
    """The prior covariance between values: a weighted sum of terms.

    Attributes:
        similarity: The kernels over assignments.
        shortest: The shortest fraction there is.
        variances: Weight by term; one that is missing is left out.
        widening: Logarithm of how much wider the true values lie apart at the shortest fraction.
    """

    similarity: Similarity
    shortest: float
    variances: Mapping[str, float]
    widening: float = 0.0

    def terms(self, first: Points, second: Points, grams: Array | None = None) -> dict[str, Array]:
        """Return the covariance per unit of each variance, each of shape (N, M).

        Args:
            first: N points.
            second: M points.
            grams: What `Similarity.grams` gives for their assignments, (4, N, M), where it is known already.
        """
        if grams is None:
            grams = self.similarity.grams(first.assignments, second.assignments)
        known = dict(zip(COMPONENTS, grams, strict=True))
        own, other = (shortness(points.fractions, self.shortest) for points in (first, second))
        if own.any() and other.any():
            short = np.minimum.outer(own, other) ** _FADING
            known["short"] = short * (grams[0] + grams[1]) / 2
            known["short interactions"] = short * (grams[2] + grams[3]) / 2
        if (first.runs >= 0).any() and (second.runs >= 0).any():
            known[TRAINING] = (np.equal.outer(first.runs, second.runs) & (first.runs >= 0)[:, None]).astype(
                np.float64
            )
        if first.seeds is not None and second.seeds is not None:
            known[SEED] = np.equal.outer(first.seeds, second.seeds).astype(np.float64)
            known[SEED_LAYERS] = known[SEED] * (grams[0] + grams[1]) / 2
        if PRIOR in self.variances:
            known[PRIOR] = np.outer(_required(first.scores), _required(second.scores))
        return {name: term for name, term in known.items() if name in self.variances}

    def between(self, first: Points, second: Points, grams: Array | None = None) -> Array:
        """Return the covariance of values without their noise, shape (N, M); arguments as of `terms`."""
        total = offset(first, second)
        own, other = (shortness(points.fractions, self.shortest) for points in (first, second))
        wider = np.exp(self.widening * own)[:, None] * np.exp(self.widening * other)
        for name, term in self.terms(first, second, grams).items():
            total += self.variances[name] * (wider * term if name in SIGNAL else term)
        return total

    def foretells(self, fraction: float) -> float:
        """Return the correlation of an assignment's true values at a fraction and at the end, in [0, 1]."""
        (short,) = shortness(np.array([fraction]), self.shortest)
        signal = sum(self.variances.get(name, 0.0) for name in COMPONENTS)
        early = sum(self.variances.get(name, 0.0) for name in ("short", "short interactions"))
        wider = np.exp(2.0 * self.widening * short) * signal
        return float(np.sqrt(wider / (wider + short**_FADING * early)))

    def diagonal(self, points: Points) -> Array:
        """Return the variance of values without their noise, shape (N,)."""
        short = shortness(points.fractions, self.shortest)
        signal = np.full(len(points), sum(self.variances.get(name, 0.0) for name in COMPONENTS))
        if PRIOR in self.variances:
            signal += self.variances[PRIOR] * np.square(_required(points.scores))
        early = sum(self.variances.get(name, 0.0) for name in ("short", "short interactions"))
        own = self.variances.get(TRAINING, 0.0) * (points.runs >= 0)
        if points.seeds is not None:
            own = own + sum(self.variances.get(name, 0.0) for name in (SEED, SEED_LAYERS))
        constants = _CONSTANT * (1.0 + (points.fractions < 1.0))
        return np.asarray(
            np.exp(2.0 * self.widening * short) * signal + early * short**_FADING + own + constants
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is believed of the values at some points, without their noise, standardized.

    Attributes:
        points: M points.
        mean: Expected values, shape (M,).
        variance: How uncertain they are, shape (M,).
        told: What the N observations tell of them: covariances, whitened, shape (N, M).
    """

    points: Points
    mean: Array
    variance: Array
    told: Array

    def subset(self, rows: Indices) -> Outlook:
        """Return what is believed at some of the points."""
        return Outlook(self.points.subset(rows), self.mean[rows], self.variance[rows], self.told[:, rows])


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What is believed about every assignment after some observations, smaller is better.

    Attributes:
        covariance: The prior covariance with what was learned.
        scale: The scale of the observations.
        points: Where they were made.
    """

    covariance: Covariance
    scale: Scale
    points: Points
    _grams: Array  # of the assignments that were observed, not imagined
    _weights: Array
    _lower: Array

    @classmethod
    def fit(
        cls,
        similarity: Similarity,
        seen: Observations,
        scores: Array | None = None,
        expected: Mapping[str, float] | None = None,
    ) -> Surrogate:
        """Learn the variances by maximum a posteriori and condition on all observations.

        Args:
            similarity: The kernels over assignments.
            seen: N >= 1 observations.
            scores: A prior's standardized score per observation, (N,), smaller is better.
            expected: Variance by term before anything is seen, noise among them; another that is missing is
                left out. None is `EXPECTED`.
        """
        scale = Scale.of(seen)
        scaled = scale.standardize(seen)
        points = Points(seen.assignments, seen.fractions, seen.runs, scores, seen.seeds)
        terms = EXPECTED if expected is None else expected
        used = {name: value for name, value in terms.items() if name != PRIOR or scores is not None}
        if seen.seeds is None:  # what seeds do is noise where nobody knows them
            used[NOISE] += sum(terms.get(name, 0.0) for name in (SEED, SEED_LAYERS))
        grams = similarity.grams(points.assignments, points.assignments)
        covariance = Covariance(similarity, float(seen.fractions.min()), used)
        rows = _spread_rows(len(seen), _MOST_FITTED)
        covariance = _learn(covariance, points.subset(rows), grams[:, rows][:, :, rows], scaled[rows])
        lower = _factor(covariance, covariance.between(points, points, grams))
        return cls(covariance, scale, points, grams, np.asarray(cho_solve((lower, True), scaled)), lower)

    def imagine(self, points: Points) -> Surrogate:
        """Return what would be believed if values came out as expected: equal means, smaller doubts."""
        told = self.outlook(points).told
        corner = _factor(self.covariance, self.covariance.between(points, points) - told.T @ told)
        above = np.concatenate([self._lower, np.zeros_like(told)], axis=1)
        return replace(
            self,
            points=self.points.joined(points),
            _weights=np.concatenate([self._weights, np.zeros(len(points))]),
            _lower=np.concatenate([above, np.concatenate([told.T, corner], axis=1)]),
        )

    def mean(self, points: Points) -> Array:
        """Return the expected values at some points, standardized, shape (M,)."""
        return np.asarray(self.covariance.between(points, self.points) @ self._weights)

    def seen_means(self) -> Array:
        """Return the expected values at the end of training of all N assignments that were observed, (N,)."""
        count = self._grams.shape[1]
        seen = self.points.subset(np.arange(count))
        ends = Points.ends(seen.assignments, seen.scores)
        return np.asarray(self.covariance.between(ends, seen, self._grams) @ self._weights[:count])

    def outlook(self, points: Points) -> Outlook:
        """Return mean and variance of values without their noise, and what it takes to relate them."""
        cross = self.covariance.between(points, self.points)
        told = solve_triangular(self._lower, cross.T, lower=True, check_finite=False)
        left = self.covariance.diagonal(points) - np.square(told).sum(axis=0)
        return Outlook(points, cross @ self._weights, np.maximum(left, 0.0), told)

    def trained(self, ends: Outlook) -> Outlook:
        """Return what is believed of new whole trainings of some assignments, given that of their means.

        Where seeds are known, nothing is: these are trainings with an unknown one.
        """
        new = np.full(len(ends.points), self.points.runs.max() + 1, dtype=np.intp)
        variance = ends.variance + self.covariance.variances.get(TRAINING, 0.0)
        return replace(ends, points=replace(ends.points, runs=new), variance=variance)

    def posterior(self, points: Points) -> tuple[Array, Array]:
        """Return mean (M,) and covariance (M, M) of values without their noise, standardized."""
        known = self.outlook(points)
        return known.mean, self.shared(known, known)

    def shared(self, first: Outlook, second: Outlook) -> Array:
        """Return the covariance between values at two lists of points, standardized, shape (N, M)."""
        return np.asarray(self.covariance.between(first.points, second.points) - first.told.T @ second.told)

    @property
    def noise(self) -> float:
        """Variance of the noise of a single value, standardized."""
        return self.covariance.variances[NOISE]


def shortness(fractions: Array, shortest: float) -> Array:
    """Return how far partial trainings are from full ones: 0 for full, 1 for the shortest.

    Example:
        >>> shortness(np.array([0.01, 0.1, 1.0]), 0.01).round(2).tolist()
        [1.0, 0.5, 0.0]
    """
    if shortest >= 1.0:
        return np.zeros(len(fractions))
    return np.asarray(np.abs(np.log(fractions) / np.log(shortest)))


def offset(first: Points, second: Points) -> Array:
    """Return the covariance that is not learned: of constants of all values and of each shorter fraction."""
    same = np.equal.outer(first.fractions, second.fractions) & (first.fractions < 1.0)[:, None]
    return np.asarray(_CONSTANT * (1.0 + same))


def _factor(covariance: Covariance, gram: Array) -> Array:
    """Return the Cholesky factor of a covariance of values with their noise, given it without."""
    noisy = gram + (covariance.variances[NOISE] + _JITTER) * np.eye(len(gram))
    return np.asarray(np.linalg.cholesky(noisy), dtype=np.float64)


def _learn(covariance: Covariance, points: Points, grams: Array, values: Array) -> Covariance:
    """Return the covariance that is most probable after the values."""
    named = {**covariance.terms(points, points, grams), NOISE: np.eye(len(points))}
    names, terms = list(named), np.stack(list(named.values()))
    signal = np.array([name in SIGNAL for name in names])
    fixed = offset(points, points) + _JITTER * np.eye(len(points))
    start = np.array([*np.log([covariance.variances[name] for name in names]), 0.0])
    doubt = np.array([_DOUBT if name in COMPONENTS else _WIDE_DOUBT for name in names] + [_DOUBT_WIDENING])
    short = shortness(points.fractions, covariance.shortest)
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


def _spread_rows(count: int, most: int) -> Indices:
    """Return at most so many row numbers, evenly spread."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).astype(np.intp))


def _required(scores: Array | None) -> Array:
    assert scores is not None, "the surrogate was fitted with a prior"
    return scores
