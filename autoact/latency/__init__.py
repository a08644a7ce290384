"""Cost of activations on this device: time, memory kept for backward, and the latency of whole models."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.latency._activation_costs import ActivationCost, activation_costs
from autoact.latency._call_times import in_turns, medians, ratio
from autoact.latency._cost_tables import activation_table, model_table
from autoact.latency._memory import Kept, kept_for_backward
from autoact.latency._model_latencies import ModelLatency, model_latencies

__all__ = [
    "ActivationCost",
    "Kept",
    "ModelLatency",
    "activation_costs",
    "activation_table",
    "in_turns",
    "kept_for_backward",
    "medians",
    "model_latencies",
    "model_table",
    "ratio",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
