"""What a model's activations do to a space and to gradients."""

from autoact.geometry.bounds import zaslavsky_bound
from autoact.geometry.counting import Cells, count_regions, layer_cells
from autoact.geometry.curving import Curvature, curvature
from autoact.geometry.hyperplanes import Hyperplanes, hyperplanes
from autoact.geometry.initializing import InitializedLayer, initialize
from autoact.geometry.layer_profile import LayerProfile, Profile, flow_warnings
from autoact.geometry.noise import sample_noise
from autoact.geometry.patterns import activation_patterns
from autoact.geometry.pictures import draw_arrangement, draw_pieces, draw_slice
from autoact.geometry.profiling import dead_units, profile
from autoact.geometry.segments import LinePieces, linear_pieces
from autoact.geometry.slices import SliceRegions, slice_regions

__all__ = [
    "Cells",
    "Curvature",
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
