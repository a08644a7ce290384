"""Tails of a function: what it does far out on each side, and whether a target's shape asks for it."""

import math
from typing import Literal

import numpy as np

from autoact import analysis
from autoact._cache import remembered
from autoact.activations import get
from autoact.advice._demands import limits, oscillates
from autoact.advice.evidence import Form
from autoact.spaces import Values

Sides = Literal[
    "oscillates", "saturates on both sides", "saturates on one side", "adds up", "adds up unequally"
]

_FAR = 200.0
_EQUAL = 0.05  # relative difference of two slopes that are one

_SUITS: dict[Form, tuple[Sides, ...]] = {
    "one side saturates": ("saturates on one side", "adds up unequally"),
    "two slopes": ("adds up unequally",),
    "both sides saturate": ("saturates on both sides",),
}


@remembered(maxsize=4096)
def sides(name: str, values: Values) -> Sides:
    """Return what an activation with parameter values does far out.

    Example:
        >>> sides("elu", (("alpha", 0.5),)), sides("prelu", (("slope", 0.25),)), sides("tanh", ())
        ('saturates on one side', 'adds up unequally', 'saturates on both sides')
    """
    if oscillates(name):
        return "oscillates"
    finite = sum(math.isfinite(end) for end in limits(name, values))
    if finite:
        return "saturates on both sides" if finite == 2 else "saturates on one side"
    left, right = np.abs(analysis.subject(get(name), **dict(values))(np.array([-_FAR, _FAR]), 1))
    return "adds up" if abs(left - right) <= _EQUAL * max(left, right) else "adds up unequally"


def fitness(name: str, values: Values, form: Form) -> int | None:
    """Return how well a function does far out what a shape asks for: 0 is best, None is not at all.

    Shapes that ask for nothing are served by all.

    Example:
        >>> [fitness(name, (), "one side saturates") for name in ("elu", "prelu", "tanh")]
        [0, 1, None]
    """
    wanted = _SUITS.get(form)
    if wanted is None:
        return 0
    found = sides(name, values)
    return wanted.index(found) if found in wanted else None
