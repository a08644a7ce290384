"""How a mixture of activations is computed: plan, generated formulas, fused operator."""

from autoact.kernels.mixture import mixture, parameter_slots
from autoact.kernels.plan import Plan, plan_for

__all__ = ["Plan", "mixture", "parameter_slots", "plan_for"]
