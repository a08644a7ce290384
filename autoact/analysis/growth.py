"""How fast a function grows."""

from __future__ import annotations

from typing import Literal

import mpmath
import numpy as np
import sympy as sp

from autoact.activations.activation import X
from autoact.activations.opaque import Opaque
from autoact.analysis.subject import Analyzable, Subject, subject

Growth = Literal["bounded", "sublinear", "linear", "superlinear"]
_NEAR, _FAR = 10**4, 10**8
_AROUND = (100, 103, 111, 127, 141)  # percent; several points, or a sine could be caught at its zero


def growth(act: Analyzable, **parameters: float) -> Growth:
    """Return how |φ(x)| grows as |x| does, on the faster side.

    Evaluated in arbitrary precision at |x| around 1e4 and 1e8: the ratio tells the order.

    Args:
        act: A name, an Activation, a mapping name -> weight, or an AutoActivation.
        **parameters: Parameter values of a single activation.

    Example:
        >>> growth("tanh"), growth("gelu"), growth("relu_squared")
        ('bounded', 'linear', 'superlinear')
    """
    of = subject(act, **parameters)
    near, far = (max(_size(of, sign * at) for sign in (-1, 1)) for at in (_NEAR, _FAR))
    if near == 0 or far == 0:
        return "bounded"
    order = float(mpmath.log(far / near) / mpmath.log(_FAR // _NEAR))
    if order < 0.02:
        return "bounded"
    return "sublinear" if order < 0.98 else "linear" if order < 1.02 else "superlinear"


def _size(of: Subject, at: int) -> mpmath.mpf:
    points = [sp.Rational(at * percent, 100) for percent in _AROUND]
    if of.expression.has(Opaque):  # a torch callable has float64 values only
        return max(mpmath.mpf(abs(value)) for value in of(np.array(points, dtype=float)).tolist())
    values = (of.elementary.subs(X, point).evalf(30) for point in points)
    return max(mpmath.mpf(abs(value)) for value in values)
