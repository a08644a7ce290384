"""A Gaussian process over assignments that pools whole and partial trainings, everything learned shrunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from autoact.search.sampler.observations import Observations, Scale
from autoact.search.sampler.similarity import COMPONENTS, Array, Indices, Similarity

_RESIDUALS = ("short, additive", "short, interactions")
_NOISES = ("training", "noise")
_PRIOR = "prior"
# Variances expected before anything is seen, in units of the variance between assignments.
EXPECTED: Mapping[str, float] = {
    "smooth": 0.3,
    "free": 0.15,
    "smooth interactions": 0.15,
    "free interactions": 0.15,
    "anywhere": 0.1,
    _PRIOR: 0.1,
    "short, additive": 0.1,
    "short, interactions": 0.1,
    "training": 0.1,
    "noise": 0.1,
}
_DOUBT = 1.2  # s.d. of the logarithm of each of them
_CONSTANT = 4.0  # variance of what all values have in common, and of what those of one fraction do
_MOST_FITTED = 160  # observations from which variances are learned; all enter the posterior
_LOG_RANGE = (-12.0, 6.0)
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What is believed about every assignment after some observations, smaller is better.

    Attributes:
        similarity: The kernels over assignments.
        seen: The observations.
        scale: Their scale.
        variances: Learned variance by component.
        scores: A prior's score per observation, standardized; empty without a prior.
    """

    similarity: Similarity
    seen: Observations
    scale: Scale
    variances: Mapping[str, float]
    scores: Array
    _lower: Array
    _weights: Array

    @classmethod
    def fit(
        cls,
        similarity: Similarity,
        seen: Observations,
        scores: Array | None = None,
        expected: Mapping[str, float] = EXPECTED,
    ) -> Surrogate:
        """Learn the variances by maximum a posteriori and condition on all observations.

        Args:
            similarity: The kernels over assignments.
            seen: N observations.
            scores: A prior's standardized score per observation, (N,), smaller is better.
            expected: Variance by component before anything is seen; one that is missing is left out.
        """
        scale = Scale.of(seen)
        scaled = scale.standardize(seen)
        own = np.empty(0) if scores is None else scores
        names = [n for n in expected if n != _PRIOR or scores is not None]
        logs = np.log([expected[name] for name in names])
        rows = _spread_rows(len(seen), _MOST_FITTED)
        part = _terms(similarity, seen.subset(rows), own[rows] if len(own) else own, names)
        learned = _learn(part, _offset(seen.subset(rows)), scaled[rows], logs)
        variances = dict(zip(names, np.exp(learned).tolist(), strict=True))
        full = part if len(rows) == len(seen) else _terms(similarity, seen, own, names)
        gram = np.tensordot(np.exp(learned), full, axes=1) + _offset(seen)
        lower: Array = np.linalg.cholesky(gram)
        weights: Array = np.asarray(cho_solve((lower, True), scaled), dtype=np.float64)
        return cls(similarity, seen, scale, variances, own, lower, weights)

    def posterior(self, assignments: Indices, scores: Array | None = None) -> tuple[Array, Array]:
        """Return mean (M,) and covariance (M, M) of the true values at the end of training, standardized.

        Args:
            assignments: Candidate numbers, shape (M, L).
            scores: Their standardized prior scores, (M,), where the surrogate was fitted with a prior.
        """
        cross = self._signal(assignments, scores, self.seen.assignments, self.scores) + _CONSTANT
        own = self._signal(assignments, scores, assignments, scores)
        solved = np.linalg.solve(self._lower, cross.T)
        return cross @ self._weights, own + _CONSTANT - solved.T @ solved

    def _signal(self, first: Indices, ours: Array | None, second: Indices, theirs: Array | None) -> Array:
        grams = self.similarity.grams(first, second)
        total = sum(
            self.variances[name] * gram
            for name, gram in zip(COMPONENTS, grams, strict=True)
            if name in self.variances
        )
        if _PRIOR in self.variances and ours is not None and theirs is not None:
            total = total + self.variances[_PRIOR] * np.outer(ours, theirs)
        return np.asarray(total)


def shortness(fractions: Array, shortest: float) -> Array:
    """Return how far partial trainings are from full ones: 0 for full, 1 for the shortest.

    Example:
        >>> shortness(np.array([0.01, 0.1, 1.0]), 0.01).round(2).tolist()
        [1.0, 0.5, 0.0]
    """
    return np.abs(np.log(fractions) / np.log(shortest)) if shortest < 1.0 else np.zeros(len(fractions))


def _terms(similarity: Similarity, seen: Observations, scores: Array, names: list[str]) -> Array:
    """Return the covariance of the observations per unit of each variance, shape (C, N, N)."""
    grams = similarity.grams(seen.assignments, seen.assignments)
    short = shortness(seen.fractions, float(seen.fractions.min()))
    common = np.minimum.outer(short, short)
    terms = dict(zip(COMPONENTS, grams, strict=True))
    terms["short, additive"] = common * (grams[0] + grams[1]) / 2
    terms["short, interactions"] = common * (grams[2] + grams[3]) / 2
    terms["training"] = np.equal.outer(seen.runs, seen.runs).astype(np.float64)
    terms["noise"] = np.eye(len(seen))
    if len(scores):
        terms[_PRIOR] = np.outer(scores, scores)
    return np.stack([terms[name] for name in names])


def _offset(seen: Observations) -> Array:
    """Return the covariance that is not learned: constants of all, of each shorter fraction, and jitter."""
    same = np.equal.outer(seen.fractions, seen.fractions) & (seen.fractions < 1.0)
    return _CONSTANT * (1.0 + same) + _JITTER * np.eye(len(seen))


def _learn(terms: Array, offset: Array, values: Array, start: Array) -> Array:
    """Return the logarithms of the variances that are most probable after the values."""

    def loss(logs: Array) -> tuple[float, Array]:
        weighted = np.exp(logs)[:, None, None] * terms
        lower, failed = dpotrf(weighted.sum(axis=0) + offset, lower=1)
        if failed:
            return 1e10, np.zeros(len(logs))
        inverse, _ = dpotri(lower, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        alpha = inverse @ values
        away = (logs - start) / _DOUBT
        cost = 0.5 * values @ alpha + np.log(np.diag(lower)).sum() + 0.5 * away @ away
        pull = 0.5 * np.tensordot(weighted, inverse - np.outer(alpha, alpha), axes=2)
        return float(cost), pull + away / _DOUBT

    bounds = [_LOG_RANGE] * len(start)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40})
    return np.asarray(found.x)


def _spread_rows(count: int, most: int) -> Indices:
    """Return at most so many row numbers, evenly spread."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).astype(np.intp))
