"""Projection pursuit: the direction in the inputs along which the target bends, after a linear fit.

The target is taken as f(w·x) plus noise. A linear fit finds w where inputs are about normal (Brillinger
1983); Gauss-Newton steps with a piecewise-linear f put it right where they are not.
"""

from dataclasses import dataclass

import numpy as np

from autoact.advice.evidence._rows import Array

_KNOTS, _STEPS, _HALVINGS = 12, 15, 4
_RIDGE = 1e-3  # per row: keeps directions that rows do not tell apart small


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A direction, and the best line along all inputs.

    Attributes:
        weights: w (D,), so that w·x has variance 1 on the rows it was found on; signed so that y rises.
        line: Coefficients (D + 1,) of the linear fit, the constant last.
    """

    weights: Array
    line: Array

    def along(self, x: Array) -> Array:
        """Return w·x for rows (N, D)."""
        return x @ self.weights

    def predict(self, x: Array) -> Array:
        """Return what the linear fit says about rows (N, D)."""
        return x @ self.line[:-1] + self.line[-1]


def find_index(x: Array, y: Array) -> Index:
    """Return the direction along which a function of one number explains most of y.

    Args:
        x: Standardized inputs (N, D).
        y: Target (N,).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(500, 3))
        >>> found = find_index(x, np.maximum(x @ [1.0, -1.0, 0.0], 0))
        >>> bool(abs(found.weights @ [1.0, 1.0, 0.0]) < 0.05)
        True
    """
    line = _linear(x, y)
    if x.shape[1] == 1:
        best = np.ones(1)
    else:
        starts = [_unit(x, line[:-1]), _unit(x, _curved(x, y - x @ line[:-1] - line[-1]))]
        best = min((_pursue(x, y, w) for w in starts), key=lambda w: _error(x @ w, y))
    rising = np.sign(np.cov(x @ best, y)[0, 1]) or 1.0
    return Index(weights=rising * best, line=line)


def _linear(x: Array, y: Array) -> Array:
    center = y.mean()
    gram = x.T @ x + _RIDGE * len(x) * np.eye(x.shape[1])
    return np.append(np.linalg.solve(gram, x.T @ (y - center)), center)


def _curved(x: Array, residual: Array) -> Array:
    """Return the direction of most curvature, which even functions have although they have no slope."""
    hessian = (x * (residual - residual.mean())[:, None]).T @ x / len(x)
    values, vectors = np.linalg.eigh(hessian)
    return vectors[:, np.argmax(np.abs(values))]


def _unit(x: Array, w: Array) -> Array:
    spread = (x @ w).std()
    return w / spread if spread > 0 else np.eye(len(w))[0]


def _pursue(x: Array, y: Array, w: Array) -> Array:
    error = _error(x @ w, y)
    for _ in range(_STEPS):
        t = x @ w
        knots, heights = broken_line(t, y)
        slopes = np.diff(heights) / np.diff(knots)
        slope = slopes[np.clip(np.searchsorted(knots, t) - 1, 0, len(slopes) - 1)]
        design = x * slope[:, None]
        gram = design.T @ design + _RIDGE * len(x) * max(float(np.mean(slope**2)), 1e-12) * np.eye(len(w))
        step = np.linalg.solve(gram, design.T @ (y - np.interp(t, knots, heights)))
        tried = [_unit(x, w + step / 2**halving) for halving in range(_HALVINGS)]
        errors = [_error(x @ candidate, y) for candidate in tried]
        if min(errors) >= error * (1 - 1e-6):
            break
        w, error = tried[int(np.argmin(errors))], min(errors)
    return w


def broken_line(t: Array, y: Array) -> tuple[Array, Array]:
    """Return knots at quantiles of t, and the heights of the least-squares broken line through them."""
    knots = np.unique(np.quantile(t, np.linspace(0, 1, min(_KNOTS, 3 + len(t) // 20))))
    basis = np.stack([np.interp(t, knots, row) for row in np.eye(len(knots))], axis=1)
    gram = basis.T @ basis + 1e-9 * len(t) * np.eye(len(knots))
    return knots, np.asarray(np.linalg.solve(gram, basis.T @ y), dtype=np.float64)


def _error(t: Array, y: Array) -> float:
    return float(np.mean((np.interp(t, *broken_line(t, y)) - y) ** 2))
