"""Computation of a mixture: plan, printed kernels, and one operator that decides among them."""

from autoact.kernels._fused import Kernels, fused
from autoact.kernels._mixture import mixture, parameter_slots, require_tensors
from autoact.kernels._operator import Route, Way, explain, route
from autoact.kernels.plan import Plan, plan_for

__all__ = [
    "Kernels",
    "Plan",
    "Route",
    "Way",
    "explain",
    "fused",
    "mixture",
    "parameter_slots",
    "plan_for",
    "require_tensors",
    "route",
]


def __dir__() -> list[str]:
    return sorted(__all__)
