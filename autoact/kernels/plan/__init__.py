"""Plan of a mixture: a basis that its members share, and straight-line programs for every printer."""

from autoact.kernels.plan._basis import grows_faster_than_linearly
from autoact.kernels.plan._lowering import Program, backward_program, forward_program
from autoact.kernels.plan._plan import Plan, plan_for, plan_of, slots_for

__all__ = [
    "Plan",
    "Program",
    "backward_program",
    "forward_program",
    "grows_faster_than_linearly",
    "plan_for",
    "plan_of",
    "slots_for",
]
