"""Pictures of what activations do to a space; matplotlib is loaded when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autoact.errors import ConfigurationError, needs
from autoact.geometry.regions._hyperplanes import Hyperplanes
from autoact.geometry.regions._segments import LinePieces
from autoact.geometry.regions._slices import SliceRegions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_slice(axes: Axes, regions: SliceRegions, output: int = 0) -> None:
    """Draw the regions of a slice, each in the color of an output's mean at its corners.

    Args:
        axes: Of matplotlib.
        regions: What `slice_regions` found.
        output: Number of the output.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from torch import nn
        >>> from autoact.geometry import slice_regions
        >>> model = nn.Sequential(nn.Linear(2, 4), nn.ReLU())
        >>> found = slice_regions(model, [0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
        >>> draw_slice(Figure().subplots(), found)
    """
    with needs("matplotlib", "A picture"):
        from matplotlib.collections import PolyCollection

    shades = np.array([values[:, output].mean() for values in regions.values])
    drawn = PolyCollection(
        list(regions.polygons), array=shades, cmap="viridis", edgecolors="white", linewidths=0.3
    )
    axes.add_collection(drawn)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=f"{len(regions)} regions")
    axes.set(xlabel="along the first edge", ylabel="along the second edge")


def draw_pieces(axes: Axes, pieces: LinePieces, output: int = 0) -> None:
    """Draw one output along a segment, with a dot at every place where the outputs bend.

    Args:
        axes: Of matplotlib.
        pieces: What `linear_pieces` found.
        output: Number of the output.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from torch import nn
        >>> from autoact.geometry import linear_pieces
        >>> model = nn.Sequential(nn.Linear(1, 3), nn.ReLU())
        >>> draw_pieces(Figure().subplots(), linear_pieces(model, [0.0], [1.0]))
    """
    axes.plot(pieces.breakpoints, pieces.values[:, output], lw=1.2)
    inner = slice(1, -1)
    axes.plot(pieces.breakpoints[inner], pieces.values[inner, output], ".", ms=4, color="tab:red")
    axes.set(xlabel="along the segment", ylabel="output", xlim=(0, 1), title=f"{len(pieces)} straight pieces")


def draw_arrangement(axes: Axes, planes: Hyperplanes, reach: float = 3.0) -> None:
    """Draw the lines in which a layer with two inputs bends.

    Args:
        axes: Of matplotlib.
        planes: What `hyperplanes` found.
        reach: The picture shows inputs from -reach to reach.

    Raises:
        ConfigurationError: Not two inputs.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from autoact.geometry import hyperplanes
        >>> draw_arrangement(Figure().subplots(), hyperplanes([[1.0, 1.0], [0.0, 1.0]], None))
    """
    if planes.normals.shape[1] != 2:
        raise ConfigurationError(
            f"A layer with {planes.normals.shape[1]} inputs cannot be drawn. Take two, or draw_slice."
        )
    for normal, offset in zip(planes.normals, planes.offsets, strict=True):
        foot, along = -offset * normal, np.array([-normal[1], normal[0]])
        ends = np.array([foot - 4 * reach * along, foot + 4 * reach * along])
        axes.plot(*ends.T, color="tab:blue", lw=1)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="input 1", ylabel="input 2")
