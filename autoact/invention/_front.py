"""Front of forms: few of thousands are fitted in full; each is kept that no simpler one matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from autoact.invention._fits import Curve, Form, polished, screened
from autoact.invention._trees import summands, trees

_QUICK = {1: 200, 2: 400}  # forms of so many terms that get a few steps
_FULL = 30  # forms of each kind that are fitted in full
_STEPS = 5
_BETTER = 0.98  # a form on the front has at most this share of the error of every simpler one
_SAME = 1e-4  # functions closer than this share of the curve's spread are one function


def fitted(curve: Curve) -> list[Form]:
    """Return the forms that were fitted in full, by size, then error; of equal functions the simplest.

    Args:
        curve: What to fit.

    Example:
        >>> z = np.linspace(-3, 3, 64)
        >>> curve = Curve(z, np.tanh(z) ** 2, 2 * np.tanh(z) / np.cosh(z) ** 2)
        >>> min(form.error for form in fitted(curve)) < 1e-6
        True
    """
    forms = screened(curve, trees(), summands())
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
    for form in sorted(forms, key=lambda f: (f.size, f.error)):
        values = form.at(curve.nodes) / curve.spread
        if np.isfinite(values).all() and not any(np.abs(values - k).max() < _SAME for k in kept):
            kept.append(values)
            yield form


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
