"""Signals and gradients: what every activation of a model does to them, and weights that suit it."""

from autoact.geometry.signals._initialization import InitializedLayer, initialize
from autoact.geometry.signals._layer_profile import LayerProfile, Profile, flow_warnings
from autoact.geometry.signals._meters import FlowMeter
from autoact.geometry.signals._profiling import dead_units, profile
from autoact.geometry.signals._sample_noise import sample_noise

__all__ = [
    "FlowMeter",
    "InitializedLayer",
    "LayerProfile",
    "Profile",
    "dead_units",
    "flow_warnings",
    "initialize",
    "profile",
    "sample_noise",
]
