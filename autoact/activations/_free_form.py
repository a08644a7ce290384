r"""Free-form activations: rational functions and splines, whose parameters are a learned shape.

They are made when somebody names them, and stand in no list and no family: a search compares forms, and these
can take any. `autoact.invent` learns one and looks for a formula of it.

$R(x) = (a_0 + a_1 x + \dots + a_5 x^5) / (1 + (b_1 + b_2 x)^2 (1 + (b_3 + b_4 x)^2))$: every quotient of
degree 5/4 without a pole has this form, up to a common factor. In float32 it is finite for |x| up to 10^7.

A spline has G knots, evenly spaced on [-R, R], one coefficient a knot, and straight tails; the linear one is
continuous, the cubic one, whose second derivative is 0 at both ends, has two continuous derivatives.

References: Molina et al. 2020, arXiv:1907.06732; Bohra et al. 2020, Learning activation functions in deep
(spline) neural networks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from autoact.activations._activation import Activation, Parameter, X
from autoact.activations.primitives import absolute, clip, neg, pos
from autoact.errors import ConfigurationError

FREE_FORM = "free-form"
KNOTS, REACH = 9, 4  # of a spline whose name says nothing
MOST_KNOTS = 33
_NAME = re.compile(r"(linear|cubic)_spline(?:_(\d{1,4}))?(?:_(\d{1,4}))?")
_RATIONAL = {  # least squares fit of SiLU under N(0, 9); under N(0, 4) the error is 2e-4 of its s.d.
    "a0": 0.00033, "a1": 0.5, "a2": 0.249098, "a3": 0.0507478, "a4": 0.00490387, "a5": 0.000184906,
    "b1": 0.0, "b2": 0.318584, "b3": 0.0, "b4": 0.0603625,
}  # fmt: skip


@lru_cache(maxsize=64)
def free_form(name: str) -> Activation | None:
    """Return the free-form activation of a name, or None if it names none.

    Args:
        name: "rational", "linear_spline", "cubic_spline", or a spline with its number of knots and its reach:
            "cubic_spline_17" has 17 knots on [-4, 4], "cubic_spline_17_6" has them on [-6, 6].

    Raises:
        ConfigurationError: Fewer than 4 knots or more than 33, or a reach of 0.

    Example:
        >>> free_form("linear_spline_5"), free_form("relu")
        (Activation(linear_spline_5, c0=..., c1=..., c2=..., c3=..., c4=...), None)
    """
    if name == "rational":
        return _rational()
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    kind, knots, reach = found[1], int(found[2] or KNOTS), int(found[3] or REACH)
    if not 4 <= knots <= MOST_KNOTS or reach < 1:
        raise ConfigurationError(
            f"{name!r}: a spline has 4 to {MOST_KNOTS} knots on [-R, R] with R of at least 1; got {knots} "
            f"and {reach}. Say cubic_spline_17_4 for 17 knots on [-4, 4]."
        )
    return _spline(name, kind, knots, reach)


def _rational() -> Activation:
    """Return the quotient of degree 5/4."""
    a = [sp.Symbol(f"a{i}", real=True) for i in range(6)]
    b1, b2, b3, b4 = (sp.Symbol(f"b{i}", real=True) for i in range(1, 5))
    below = 1 + (b1 + b2 * X) ** 2 * (1 + (b3 + b4 * X) ** 2)
    return Activation(
        "rational",
        sp.Add(*(each * X**i / below for i, each in enumerate(a))),
        tuple(Parameter(default=value, name=name) for name, value in _RATIONAL.items()),
        family=FREE_FORM,
        reference="Molina et al. 2020, arXiv:1907.06732",
        description="Quotient of polynomials of degree 5 and 4 without a pole.",
    )


def _spline(name: str, kind: str, knots: int, reach: int) -> Activation:
    """Return a spline; each coefficient stands before a function of x alone, its basis function."""
    spacing = sp.Rational(2 * reach, knots - 1)
    t = clip(X, -reach, reach) / spacing + sp.Rational(knots - 1, 2)
    basis = [_BUMPS[kind](t - i) for i in range(knots)]
    if kind == "cubic":  # a coefficient beyond each end continues the line of the last two
        for first, second, beyond in ((0, 1, -1), (-1, -2, knots)):
            outside = _cubic(t - beyond)
            basis[first], basis[second] = basis[first] + 2 * outside, basis[second] - outside
    left, right = neg(X + reach) / spacing, pos(X - reach) / spacing
    for first, second, tail in ((0, 1, left), (-1, -2, -right)):
        basis[first], basis[second] = basis[first] - tail, basis[second] + tail
    symbols = [sp.Symbol(f"c{i}", real=True) for i in range(knots)]
    at = [-reach + i * float(spacing) for i in range(knots)]
    return Activation(
        name,
        sp.Add(*(c * each for c, each in zip(symbols, basis, strict=True))),
        tuple(Parameter(default=x, name=c.name) for c, x in zip(symbols, at, strict=True)),  # the identity
        family=FREE_FORM,
        reference="Bohra et al. 2020, Learning activation functions in deep (spline) neural networks",
        description=f"{kind.capitalize()} spline, {knots} knots on [-{reach}, {reach}], straight tails.",
    )


def _linear(s: sp.Expr) -> sp.Expr:
    return pos(1 - absolute(s))


def _cubic(s: sp.Expr) -> sp.Expr:
    return (pos(2 - absolute(s)) ** 3 - 4 * pos(1 - absolute(s)) ** 3) / 6


_BUMPS: dict[str, Callable[[sp.Expr], sp.Expr]] = {"linear": _linear, "cubic": _cubic}
