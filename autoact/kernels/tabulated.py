"""When one table per call is cheaper than the formula at every element; the table itself is in tabulated.c.

With one set of weights, y and dy/dx are functions of x alone. A table of cubics costs the same for every set
of candidates: sets with short formulas are faster without it, and so are small tensors, whose elements are
fewer than the evaluations that make the table.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from autoact.kernels.lowering import backward_program
from autoact.kernels.plan import Plan

LEAST_STEPS = 60  # of the backward program, sums included
LEAST_ELEMENTS = 1 << 17
MOMENTS = 4 * 514  # per row of sums: four of each slot of tabulated.c


@lru_cache(maxsize=512)
def has_table(plan: Plan) -> bool:
    """Tell whether the formula of a plan is longer than the way through a table.

    Example:
        >>> from autoact.kernels import plan_for
        >>> has_table(plan_for(("relu", "sigmoid")))
        False
    """
    program = backward_program(plan)
    return len(program.steps) + len(program.outputs) >= LEAST_STEPS


def takes_table(x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor) -> bool:
    """Tell whether a tensor of a plan that has a table is large enough, and shares one set of weights."""
    return weights.dim() == parameters.dim() == 1 and x.numel() >= LEAST_ELEMENTS
