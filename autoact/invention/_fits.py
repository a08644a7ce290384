r"""Fits of forms to a curve: a grid over inner constants, then least squares.

A form is $d + e x + a_1 T_1(b (x - m)) + a_2 T_2(b (x - m); \theta)$. The outer constants $a, d, e$ are
linear: they follow from the inner ones $b, m, \theta$ by projection (Golub and Pereyra 1973).

Notation: z, f, f' nodes, values and slopes of the curve; λ weight of the slopes; G grid points; K columns.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import sympy as sp
from scipy.optimize import least_squares

from autoact.activations import X
from autoact.errors import DataError
from autoact.invention._trees import Array, Tree

SLOPES = 0.2  # λ: a learned shape knows its slopes less well than its values
COARSE = 4  # every fourth node is enough for the grid
_SCALES = (0.3, 0.45, 0.65, 0.9, 1.3, 1.8, 2.5, 3.5, 5.0)
_SHIFTS = (-1.5, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.5)
_THETAS = (0.5, 2.0)
LEAST = 16  # nodes


@dataclass(frozen=True, eq=False)
class Curve:
    """A function at equally likely inputs.

    Args:
        nodes: (N,), ascending.
        values: (N,).
        slopes: (N,).

    Raises:
        DataError: Fewer than 16 different nodes, numbers that are not finite, or a constant.

    Example:
        >>> z = np.linspace(-2, 2, 33)
        >>> round(Curve(z, np.sin(z), np.cos(z)).spread, 3)
        0.775
    """

    nodes: Array
    values: Array
    slopes: Array

    def __post_init__(self) -> None:
        """Check that there is something to fit."""
        for name, numbers in (("input", self.nodes), ("value", self.values), ("slope", self.slopes)):
            if not np.isfinite(numbers).all():
                at = self.nodes[~np.isfinite(numbers)][0]
                raise DataError(f"The shape has an {name} that is not finite, at x = {at:g}. Train it again.")
        different = len(np.unique(self.nodes))
        if different < LEAST:
            raise DataError(
                f"A shape is fitted at {LEAST} different inputs or more; got {different}. Give more data."
            )
        if self.spread < 1e-9:
            raise DataError("The shape is constant on its inputs, so there is no formula to look for.")

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the values."""
        return float(self.values.std())

    @cached_property
    def steepness(self) -> float:
        """Root mean square of the slopes, 1 where all of them are 0."""
        return float(np.sqrt(np.mean(self.slopes**2))) or 1.0

    @cached_property
    def target(self) -> Array:
        """What a form is compared with, (2N,): values and slopes, each over its spread."""
        return self.stacked(self.values, self.slopes)

    def stacked(self, values: Array, slopes: Array) -> Array:
        """Return values and slopes (..., N) as one column (..., 2N) each."""
        return np.concatenate([values / self.spread, SLOPES / self.steepness * slopes], -1)

    def line(self, with_slope: bool) -> Array:
        """Return the columns of a shift, and of a multiple of x, (1 or 2, 2N)."""
        one, zero = np.ones_like(self.nodes), np.zeros_like(self.nodes)
        rows = [(one, zero), (self.nodes, one)][: 1 + with_slope]
        return np.stack([self.stacked(value, slope) for value, slope in rows])

    def coarse(self) -> Curve:
        """Return the same at fewer nodes."""
        kept = slice(COARSE // 2, None, COARSE) if len(self.nodes) >= COARSE * LEAST else slice(None)
        return Curve(self.nodes[kept], self.values[kept], self.slopes[kept])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """Terms with their constants.

    Attributes:
        terms: One or two trees.
        line: Whether a multiple of x is added.
        shifted: Whether m may differ from 0.
        inner: b, m and θ.
        outer: d, e (where there is a line), and one factor a term.
        error: Root mean square difference from the curve, over the curve's standard deviation.
        loss: The same with slopes.
    """

    terms: tuple[Tree, ...]
    line: bool
    shifted: bool = True
    inner: tuple[float, float, float]
    outer: tuple[float, ...] = ()
    error: float = np.inf
    loss: float = np.inf

    @property
    def scaled(self) -> bool:
        """Whether θ is in it."""
        return any(tree.scaled for tree in self.terms)

    @property
    def size(self) -> int:
        """Nodes of the expression; a shift and a factor of it, which weights can undo, do not count."""
        inner = 2 + 2 * self.shifted  # b(x - m)
        terms = [tree.size + inner * _count_x(tree) for tree in self.terms]
        return sum(terms) + 3 * (len(terms) - 1) + 3 * self.line

    def at(self, x: Array) -> Array:
        """Return the value at every x."""
        b, m, theta = self.inner
        head, factors = self.outer[: 1 + self.line], self.outer[1 + self.line :]
        y = head[0] + (head[1] * x if self.line else 0.0)
        parts = (a * t.dual(b * (x - m), theta)[0] for a, t in zip(factors, self.terms, strict=True))
        return np.asarray(sum(parts, y * np.ones_like(x)))


def _count_x(tree: Tree) -> int:
    return sum(1 for node in sp.preorder_traversal(tree.expression) if node == X)


def screened(
    curve: Curve, singles: Sequence[Tree], sums: tuple[Sequence[Tree], Sequence[Tree]]
) -> list[Form]:
    """Return every form with the best inner constants of a grid, the loss estimated there.

    Args:
        curve: What to fit.
        singles: Trees that stand alone.
        sums: First and second terms of sums; the second ones begin with the first ones.
    """
    with np.errstate(all="ignore"):
        grids = [_Grid.of(curve.coarse(), line) for line in (False, True)]
        alone = [_single(grid, tree) for grid in grids for tree in singles]
        return [*alone, *(form for grid in grids for form in _pairs(grid, *sums))]


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """A curve, the inner constants to try, and what is left of the target without a shift and a line.

    Attributes:
        curve: The curve.
        line: Whether a multiple of x is taken out, too.
        inner: Pairs (b, m), (G, 2).
        basis: Orthonormal columns of what is taken out, (2N, 1 or 2).
        target: The rest of the curve's target, (2N,).
    """

    curve: Curve
    line: bool
    inner: Array
    basis: Array
    target: Array

    @classmethod
    def of(cls, curve: Curve, line: bool) -> _Grid:
        middle, width = float(np.median(curve.nodes)), float(curve.nodes.std())
        scales = [sign * s / width for s in _SCALES for sign in (1, -1)]
        inner = np.array([(b, middle + width * s) for b, s in product(scales, _SHIFTS)])
        q = np.linalg.qr(curve.line(line).T)[0]
        return cls(curve, line, inner, q, curve.target - q @ (q.T @ curve.target))

    def columns(self, tree: Tree, theta: float) -> Array:
        """Return what is left of a term at every grid point, (G, 2N)."""
        whole = _columns(self.curve, tree, self.inner, theta)
        return whole - (whole @ self.basis) @ self.basis.T

    def form(self, terms: tuple[Tree, ...], theta: float, at: int, gain: float) -> Form:
        """Return a form at a grid point, where it explains so much of the target's square."""
        b, m = map(float, self.inner[at])
        left = max(float(self.target @ self.target) - gain, 0.0)
        loss = float(np.sqrt(left / len(self.curve.nodes)))
        return Form(terms=terms, line=self.line, inner=(b, m, theta), loss=loss)


def _columns(curve: Curve, tree: Tree, inner: Array, theta: float) -> Array:
    """Return the column of a term for every pair (b, m), (G, 2N); 0 where it is not finite."""
    b = inner[:, :1]
    value, slope = tree.dual(b * (curve.nodes - inner[:, 1:2]), theta)
    columns = curve.stacked(value, b * slope)
    return np.where(np.isfinite(columns).all(-1, keepdims=True), columns, 0.0)


def _thetas(tree: Tree) -> tuple[float, ...]:
    return _THETAS if tree.scaled else (1.0,)


def _single(grid: _Grid, tree: Tree) -> Form:
    """Return a term that stands alone at its best grid point."""
    found = []
    for theta in _thetas(tree):
        columns = grid.columns(tree, theta)
        norms = np.einsum("gn,gn->g", columns, columns)
        gain = np.where(norms > 1e-6, (columns @ grid.target) ** 2 / np.maximum(norms, 1e-12), 0.0)
        at = int(np.argmax(gain))
        found.append(grid.form((tree,), theta, at, float(gain[at])))
    return min(found, key=lambda form: form.loss)


def _pairs(grid: _Grid, first: Sequence[Tree], second: Sequence[Tree]) -> list[Form]:
    """Return every sum of two terms at its best grid point."""
    labels = [(tree, theta) for tree in second for theta in _thetas(tree)]
    if not labels:
        return []
    gain = _gains(np.stack([grid.columns(tree, theta) for tree, theta in labels]), grid.target, len(first))
    at = gain.argmax(0)
    return [
        grid.form((first[i], labels[j][0]), labels[j][1], int(at[i, j]), float(gain[at[i, j], i, j]))
        for i, j in product(range(len(first)), range(len(labels)))
        if j > i
    ]


def _gains(table: Array, target: Array, count: int) -> Array:
    """Return what pairs of columns explain of a target's square, (G, count, K); 0 for nearly parallel ones.

    Args:
        table: Columns, (K, G, 2N).
        target: (2N,).
        count: How many of the K are the first of a pair.
    """
    norms, along = np.einsum("kgn,kgn->gk", table, table), np.einsum("kgn,n->gk", table, target)
    inner = np.einsum("kgn,jgn->gkj", table[:count], table)
    a, b = norms[:, :count, None], norms[:, None, :]
    r, s = along[:, :count, None], along[:, None, :]
    room = a * b - inner**2
    sound = room > 1e-5 * a * b
    return np.where(sound, (r * r * b + s * s * a - 2 * r * s * inner) / np.where(sound, room, 1.0), 0.0)


def polished(curve: Curve, form: Form, steps: int = 60) -> Form:
    """Return a form with its constants fitted to the curve by least squares, from where they are."""
    free = [0] + [1] * form.shifted + [2] * form.scaled
    start = np.array(form.inner) * ([1, 1, 1] if form.shifted else [1, 0, 1])
    line = curve.line(form.line)

    def solved(p: Array) -> tuple[Array, Array]:
        inner = start.copy()
        inner[free] = p
        terms = np.stack([_columns(curve, t, inner[None, :2], float(inner[2]))[0] for t in form.terms])
        basis = np.concatenate([line, terms]).T
        outer = np.linalg.lstsq(basis, curve.target, rcond=1e-8)[0]
        return outer, basis @ outer - curve.target

    def rest_of(p: Array) -> Array:
        return solved(p)[1]

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        fit = least_squares(rest_of, start[free], x_scale="jac", max_nfev=steps)
        outer, rest = solved(fit.x)
    inner = start.copy()
    inner[free] = fit.x
    count = len(curve.nodes)
    return replace(
        form,
        inner=(float(inner[0]), float(inner[1]), float(inner[2])),
        outer=tuple(map(float, outer)),
        error=float(np.sqrt(np.mean(rest[:count] ** 2))),
        loss=float(np.sqrt(np.sum(rest**2) / count)),
    )
