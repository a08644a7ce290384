"""Straight pieces of a piecewise-linear function."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy as sp

from autoact.activations import X
from autoact.analysis._kinks import boundaries, piece
from autoact.analysis._subject import Analyzable, Array, Subject, subject
from autoact.errors import ConfigurationError

_SAME = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A piecewise-linear function of one number: slopes[i] * x + intercepts[i] between kinks.

    Attributes:
        kinks: Where the line changes, ascending, (Q,).
        slopes: Slope of every piece from left to right, (Q + 1,).
        intercepts: Value of every piece's line at 0, (Q + 1,).

    Example:
        >>> from autoact.analysis import linear_pieces
        >>> found = linear_pieces("relu")
        >>> found.kinks, found.slopes, found.intercepts
        (array([0.]), array([0., 1.]), array([0., 0.]))
    """

    kinks: Array
    slopes: Array
    intercepts: Array


def linear_pieces(act: Analyzable, **parameters: float) -> Pieces:
    """Return the straight pieces of a piecewise-linear function, equal neighbors joined.

    Args:
        act: Anything that `subject` takes.
        **parameters: Parameter values of a single activation.

    Raises:
        ConfigurationError: Not piecewise linear, or a torch callable, which has no formula.

    Example:
        >>> linear_pieces("hardtanh").slopes
        array([0., 1., 0.])
        >>> linear_pieces({"relu": 0.5, "identity": -0.25}).kinks
        array([0.])
    """
    of = subject(act, **parameters)
    if of.opaque:
        raise ConfigurationError(
            f"{act} is a torch callable: its pieces cannot be read. Write it as a SymPy expression, or count "
            "how its slope changes with geometry.curvature."
        )
    ends = boundaries(of)
    inside = [a + 0.5 * (b - a) for a, b in pairwise([*ends[:1], *ends, *ends[-1:]])] or [0.0]
    if ends:
        inside[0], inside[-1] = ends[0] - 1.0, ends[-1] + 1.0
    lines = [_line(act, of, at) for at in inside]
    changed = [i for i, (a, b) in enumerate(pairwise(lines)) if not np.allclose(a, b, rtol=_SAME, atol=_SAME)]
    kept = [lines[0], *(lines[i + 1] for i in changed)]
    return Pieces(
        kinks=np.array([ends[i] for i in changed]),
        slopes=np.array([slope for slope, _ in kept]),
        intercepts=np.array([intercept for _, intercept in kept]),
    )


def _line(act: Analyzable, of: Subject, at: float) -> tuple[float, float]:
    """Return slope and intercept around a point."""
    flat = sp.expand(piece(of.expression, at))
    if not (flat.is_polynomial(X) and sp.degree(flat, X) <= 1):
        raise ConfigurationError(
            f"{act} is not piecewise linear: around x = {at:g} it is {flat}. Use relu, prelu, hardtanh, "
            "relu6 or mixtures of such; for smooth ones count how the slope changes with geometry.curvature."
        )
    slope = flat.coeff(X, 1)
    return float(slope), float(flat - slope * X)
