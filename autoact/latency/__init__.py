"""What activations cost on this device: time, memory kept for backward, and the latency of whole models."""

from autoact.latency.activations import ActivationCost, activation_costs
from autoact.latency.memory import Kept, kept_for_backward
from autoact.latency.models import ModelLatency, call, model_latencies
from autoact.latency.timing import in_turns, medians, ratio

__all__ = [
    "ActivationCost",
    "Kept",
    "ModelLatency",
    "activation_costs",
    "call",
    "in_turns",
    "kept_for_backward",
    "medians",
    "model_latencies",
    "ratio",
]
