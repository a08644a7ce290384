"""Probing of a model: which of its activations run, on how many channels, and which never did."""

from autoact.conversion.probing._channels import Seen, channels
from autoact.conversion.probing._executed import Line, Watch
from autoact.conversion.probing._idle_layers import warn_of_idle
from autoact.conversion.probing._probes import ASKED, NEVER_CALLED, Probed, Probes, probed

__all__ = [
    "ASKED",
    "NEVER_CALLED",
    "Line",
    "Probed",
    "Probes",
    "Seen",
    "Watch",
    "channels",
    "probed",
    "warn_of_idle",
]
