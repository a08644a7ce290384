"""Trees: the expressions that are tried, each once, with value and slope by the chain rule.

Notation: u input of a tree; T(u), T'(u) value and slope; θ the scale of an inner part, where a tree has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.special import erf, expit

from autoact.activations import X

Array = npt.NDArray[np.float64]
Dual = tuple[Array, Array]  # value and slope
THETA = sp.Symbol("theta", real=True)
_PROBES = np.linspace(-3.0, 3.0, 61)
_FAR = 1e3, 1e5


@dataclass(frozen=True, slots=True)
class Unary:
    """A function of one argument: as an expression, and as numbers."""

    expression: Callable[[sp.Expr], sp.Expr]
    dual: Callable[[Array], Dual]


def _exp_decay(u: Array) -> Dual:
    e: Array = np.exp(-np.abs(u))
    slope: Array = -np.sign(u) * e
    return e, slope


def _pos(u: Array) -> Dual:
    value: Array = np.maximum(u, 0.0)
    slope: Array = np.heaviside(u, 0.0)
    return value, slope


UNARIES = {
    "pos": Unary(lambda u: sp.Max(u, 0), _pos),
    "abs": Unary(sp.Abs, lambda u: (np.abs(u), np.sign(u))),
    "square": Unary(lambda u: u**2, lambda u: (u * u, 2 * u)),
    "cube": Unary(lambda u: u**3, lambda u: (u**3, 3 * u * u)),
    "sin": Unary(sp.sin, lambda u: (np.sin(u), np.cos(u))),
    "cos": Unary(sp.cos, lambda u: (np.cos(u), -np.sin(u))),
    "tanh": Unary(sp.tanh, lambda u: (np.tanh(u), 1 - np.tanh(u) ** 2)),
    "sigmoid": Unary(lambda u: 1 / (1 + sp.exp(-u)), lambda u: (expit(u), expit(u) * expit(-u))),
    "softplus": Unary(lambda u: sp.log(1 + sp.exp(u)), lambda u: (np.logaddexp(0, u), expit(u))),
    "atan": Unary(sp.atan, lambda u: (np.arctan(u), 1 / (1 + u * u))),
    "erf": Unary(sp.erf, lambda u: (erf(u), 2 / np.sqrt(np.pi) * np.exp(-u * u))),
    "bell": Unary(lambda u: sp.exp(-(u**2)), lambda u: (np.exp(-u * u), -2 * u * np.exp(-u * u))),
    "decay": Unary(lambda u: sp.exp(-sp.Abs(u)), _exp_decay),
    "root": Unary(lambda u: sp.sqrt(1 + u**2), lambda u: (np.sqrt(1 + u * u), u / np.sqrt(1 + u * u))),
    "log": Unary(lambda u: sp.log(1 + u**2), lambda u: (np.log1p(u * u), 2 * u / (1 + u * u))),
    "cauchy": Unary(lambda u: 1 / (1 + u**2), lambda u: (1 / (1 + u * u), -2 * u / (1 + u * u) ** 2)),
    "inverse": Unary(
        lambda u: 1 / (1 + sp.Abs(u)),
        lambda u: (1 / (1 + np.abs(u)), -np.sign(u) / (1 + np.abs(u)) ** 2),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """An expression in x, maybe with θ.

    Attributes:
        expression: In SymPy, of the symbols x and `THETA`.
        dual: Takes inputs u and θ; returns T(u) and T'(u).
        size: Nodes of the expression.
        scaled: Whether θ is in it.

    Example:
        >>> [str(tree.expression) for tree in trees()[:2]]
        ['Abs(x)', 'cos(x)']
    """

    expression: sp.Expr
    dual: Callable[[Array, float], Dual]
    size: int
    scaled: bool = False


def size_of(expression: sp.Expr) -> int:
    """Return the number of nodes of an expression: operations, symbols and numbers.

    Example:
        >>> size_of(sp.Symbol("x") + 1)
        3
    """
    return sum(1 for _ in sp.preorder_traversal(expression))


@lru_cache(maxsize=1)
def trees() -> tuple[Tree, ...]:
    """Return all trees of one term, the simplest of equal ones, in order of size.

    Functions of x, functions of functions, products of two of them or with x, all of at most linear growth.
    Two are equal if SymPy writes them alike, or if their values are, up to a line.
    """
    first = [applied(unary, X_TREE) for unary in UNARIES.values()]
    second = [applied(unary, inner) for unary in UNARIES.values() for inner in first]
    pairs = [product(a, b) for i, a in enumerate(first) for b in first[i:]]
    scaled = [product(a, _scaled(b)) for a in (X_TREE, *first) for b in first if a is not b]
    gated = [product(X_TREE, tree) for tree in (*first, *second)]
    return tuple(_distinct([*first, *second, *pairs, *gated])) + tuple(_distinct(scaled[len(first) :]))


@lru_cache(maxsize=1)
def summands() -> tuple[tuple[Tree, ...], tuple[Tree, ...]]:
    """Return the trees of a sum of two terms: those of the first one, and those of the second one, with θ."""
    first = [applied(unary, X_TREE) for unary in UNARIES.values()]
    one_sided = [applied(unary, first[0]) for unary in UNARIES.values()]  # of max(0, x)
    small = list(_distinct([*first, *one_sided, *(product(X_TREE, tree) for tree in first)]))
    return tuple(small), tuple([*small, *map(_scaled, small)])


X_TREE = Tree(X, lambda u, theta: (u, np.ones_like(u)), 1)


def applied(unary: Unary, inner: Tree) -> Tree:
    """Return a function of a tree."""

    def dual(u: Array, theta: float) -> Dual:
        v, dv = inner.dual(u, theta)
        w, dw = unary.dual(v)
        return w, dw * dv

    expression = unary.expression(inner.expression)
    return Tree(expression, dual, size_of(expression), inner.scaled)


def product(a: Tree, b: Tree) -> Tree:
    """Return the product of two trees."""

    def dual(u: Array, theta: float) -> Dual:
        (v, dv), (w, dw) = a.dual(u, theta), b.dual(u, theta)
        return v * w, dv * w + v * dw

    expression = a.expression * b.expression
    return Tree(expression, dual, size_of(expression), a.scaled or b.scaled)


def total(a: Tree, b: Tree) -> Tree:
    """Return the sum of two trees."""

    def dual(u: Array, theta: float) -> Dual:
        (v, dv), (w, dw) = a.dual(u, theta), b.dual(u, theta)
        return v + w, dv + dw

    expression = a.expression + b.expression
    return Tree(expression, dual, size_of(expression), a.scaled or b.scaled)


def _scaled(tree: Tree) -> Tree:
    def dual(u: Array, theta: float) -> Dual:
        value, slope = tree.dual(theta * u, theta)
        return value, theta * slope

    expression = tree.expression.subs(X, THETA * X)
    return Tree(expression, dual, size_of(expression), True)


def _distinct(found: Iterable[Tree]) -> Iterator[Tree]:
    """Give the simplest of equal trees, of those that are finite and grow at most linearly."""
    seen: set[object] = set()
    for tree in sorted(found, key=lambda each: (each.size, len(str(each.expression)), str(each.expression))):
        if tree.expression in seen:
            continue
        seen.add(tree.expression)
        sign = signature(tree)
        if sign is not None and sign not in seen:
            seen.add(sign)
            yield tree


def signature(tree: Tree) -> bytes | None:
    """Return values up to a line and a factor, rounded; None for a line, or for what explodes."""
    with np.errstate(all="ignore"):
        theta = 1.7 if tree.scaled else 1.0
        y, slope = tree.dual(_PROBES, theta)
        near, far = (np.abs(tree.dual(np.array([-at, at]), theta)[0]) for at in _FAR)
    if not (np.isfinite(y).all() and np.isfinite(slope).all() and np.isfinite(far).all()):
        return None
    if np.log10(max(far.max(), 1e-9) / max(near.max(), 1e-9)) > 1.05 * np.log10(_FAR[1] / _FAR[0]):
        return None
    rest = y - np.polynomial.Polynomial.fit(_PROBES, y, 1)(_PROBES)
    norm = float(np.linalg.norm(rest))
    if norm < 1e-6 * (1 + float(np.abs(y).max())):
        return None
    at = int(np.argmax(np.abs(rest) > 0.5 * np.abs(rest).max()))
    return (np.round(rest / norm * np.sign(rest[at]), 6) + 0.0).tobytes()
