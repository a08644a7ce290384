"""Points where a function may bend sharply: quadrature and the search for extremes look closely there."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from autoact.activations import X
from autoact.activations import primitives as p
from autoact.analysis._kinks import boundaries, roots
from autoact.analysis._subject import Subject

_MOST = 400  # an oscillating argument has a zero per wave; beyond this refinement finds its own way


def centers(of: Subject) -> tuple[float, ...]:
    """Return kinks, and zeros and turning points of every inner function: tanh(9x - 3) bends around 1/3.

    Example:
        >>> from autoact.analysis._subject import subject
        >>> centers(subject("hardtanh")), centers(subject("swish", beta=1000.0))
        ((0.0, 1.0, -1.0), (0.0,))
    """
    return _centers(of.expression)


@lru_cache(maxsize=512)
def _centers(expression: sp.Expr) -> tuple[float, ...]:
    found = set(boundaries(Subject(expression)))
    for node in sp.preorder_traversal(expression):
        if isinstance(node, sp.Function) and not isinstance(node, (p.select, p.guard)):
            inner = [a for a in node.args if a.has(X)]
        elif isinstance(node, sp.Pow) and node.exp.is_number and node.exp not in (1, 2):
            inner = [node.base]
        else:
            continue
        found |= {round(at, 14) + 0.0 for u in inner for at in _turning(u)}
    return tuple(sorted(found, key=abs)[:_MOST])


def _turning(u: sp.Expr) -> tuple[float, ...]:
    return roots(u) + (() if u.is_polynomial(X) and sp.degree(u, X) < 2 else roots(sp.diff(u, X)))
