"""Linear regions: the pieces into which layers and networks divide their input space."""

from autoact.geometry.regions._counting import Cells, count_regions, layer_cells
from autoact.geometry.regions._curvature import Curvature, curvature
from autoact.geometry.regions._hyperplanes import Hyperplanes, activation_patterns, hyperplanes
from autoact.geometry.regions._pictures import draw_arrangement, draw_pieces, draw_slice
from autoact.geometry.regions._region_bounds import zaslavsky_bound
from autoact.geometry.regions._segments import LinePieces, linear_pieces
from autoact.geometry.regions._slices import SliceRegions, slice_regions

__all__ = [
    "Cells",
    "Curvature",
    "Hyperplanes",
    "LinePieces",
    "SliceRegions",
    "activation_patterns",
    "count_regions",
    "curvature",
    "draw_arrangement",
    "draw_pieces",
    "draw_slice",
    "hyperplanes",
    "layer_cells",
    "linear_pieces",
    "slice_regions",
    "zaslavsky_bound",
]
