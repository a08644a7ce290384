"""Front of forms: few of thousands are fitted in full; each is kept that no simpler one matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from autoact.invention._fits import Curve, Form, polished, screened
from autoact.invention._trees import Tree, summands, trees

_QUICK = {1: 500, 2: 400}  # forms of so many terms that get a few steps
_FULL = 30  # forms of each kind that are fitted in full
_STEPS = 5
_BETTER = 0.98  # a form on the front has at most this share of the error of every simpler one
_SAME = 1e-4  # functions closer than this share of the curve's spread are one function


Sums = tuple[Sequence[Tree], Sequence[Tree]]


def fitted(curve: Curve, singles: Sequence[Tree] | None = None, sums: Sums | None = None) -> list[Form]:
    """Return the forms that were fitted in full, by size, then error; of equal functions the simplest.

    Args:
        curve: What to fit.
        singles: Trees that stand alone; default: all.
        sums: First and second terms of sums; the second ones begin with the first ones.

    Example:
        >>> z = np.linspace(-3, 3, 64)
        >>> curve = Curve(z, np.tanh(z), 1 / np.cosh(z) ** 2)
        >>> min(form.error for form in fitted(curve, trees()[:6], ((), ()))) < 1e-6
        True
    """
    singles, sums = trees() if singles is None else singles, summands() if sums is None else sums
    forms = screened(curve, singles, sums)
    full = [form for terms in _QUICK for form in _halved(curve, forms, terms)]
    simpler = [polished(curve, replace(f, shifted=False)) for f in full]
    return list(_different(curve, [*full, *simpler]))


def _halved(curve: Curve, forms: list[Form], terms: int) -> list[Form]:
    """Return the best forms of so many terms: more fitting for those that fit better."""
    alike = (form for form in forms if len(form.terms) == terms)
    quick = [polished(curve.coarse(), form, _STEPS) for form in _best(alike, _QUICK[terms])]
    return [polished(curve, form) for form in _best(quick, _FULL)]


def _best(forms: Iterable[Form], count: int) -> list[Form]:
    return sorted(forms, key=lambda f: (f.loss, f.size))[:count]


def _different(curve: Curve, forms: list[Form]) -> Iterator[Form]:
    kept: list[np.ndarray] = []
    for form in sorted(forms, key=_order):
        values = form.at(curve.nodes) / curve.spread
        if np.isfinite(values).all() and not any(np.abs(values - k).max() < _SAME for k in kept):
            kept.append(values)
            yield form


def _order(form: Form) -> tuple[int, float, int, str]:
    """Return size, then error, then which of equals reads best."""
    text = " + ".join(str(tree.expression) for tree in form.terms)
    return form.size, round(form.error, 5), len(text), text


def front(forms: Iterable[Form]) -> list[Form]:
    """Return the forms that no simpler one matches: larger ones with less error.

    Args:
        forms: In order of size, then error.
    """
    found: list[Form] = []
    for form in forms:
        if not found or form.error < _BETTER * found[-1].error:
            if found and found[-1].size == form.size:
                continue
            found.append(form)
    return found
