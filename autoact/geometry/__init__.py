"""Geometry of models: linear regions of the input space, and the flow of signals and gradients."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.geometry.regions import (
    Cells,
    Curvature,
    Hyperplanes,
    LinePieces,
    SliceRegions,
    activation_patterns,
    count_regions,
    curvature,
    draw_arrangement,
    draw_pieces,
    draw_slice,
    hyperplanes,
    layer_cells,
    linear_pieces,
    slice_regions,
    zaslavsky_bound,
)
from autoact.geometry.signals import (
    FlowMeter,
    InitializedLayer,
    LayerProfile,
    Profile,
    dead_units,
    flow_warnings,
    initialize,
    profile,
    sample_noise,
)

__all__ = [
    "Cells",
    "Curvature",
    "FlowMeter",
    "Hyperplanes",
    "InitializedLayer",
    "LayerProfile",
    "LinePieces",
    "Profile",
    "SliceRegions",
    "activation_patterns",
    "count_regions",
    "curvature",
    "dead_units",
    "draw_arrangement",
    "draw_pieces",
    "draw_slice",
    "flow_warnings",
    "hyperplanes",
    "initialize",
    "layer_cells",
    "linear_pieces",
    "profile",
    "sample_noise",
    "slice_regions",
    "zaslavsky_bound",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
