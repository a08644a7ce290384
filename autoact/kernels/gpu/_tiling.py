"""Tiling of a tensor: how a grid of programs covers it, in any dense layout.

A tensor is a stack of rows of neighbors in memory: the whole of it cut into rows of one tile; or, with
coefficients per channel, the positions of one channel (channels outermost in a row), or all channels of one
position (channels last). A grid of a few programs per multiprocessor walks over the tiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch

WARPS = 4


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How a grid of groups x slabs x chunks programs covers a tensor with tiles.

    Args:
        groups: Channels, each with coefficients of its own; 1 where one set serves all, or where columns are
            channels (`per_column`).
        rows: Rows of a group.
        columns: Neighbors in memory that make a row.
        row_stride: Elements from row to row.
        group_stride: Elements from group to group.
        total: Elements of the tensor.
        block_rows: Rows of a tile, a power of 2.
        block_columns: Columns of a tile, a power of 2.
        slabs: Programs that share the rows of a group.
        per_column: Whether every column is a channel.
    """

    groups: int
    rows: int
    columns: int
    row_stride: int
    group_stride: int
    total: int
    block_rows: int
    block_columns: int
    slabs: int
    per_column: bool

    @property
    def tiles(self) -> int:
        """Tiles that one slab after the other takes."""
        return -(-self.rows // self.block_rows)

    @property
    def chunks(self) -> int:
        """Tiles side by side in a row."""
        return -(-self.columns // self.block_columns)

    @cached_property
    def programs(self) -> int:
        """Size of the grid."""
        return self.groups * self.slabs * self.chunks

    @property
    def even(self) -> bool:
        """Whether no tile sticks out."""
        full = self.rows % self.block_rows == 0 and self.columns % self.block_columns == 0
        return full and self.groups * self.rows * self.columns == self.total

    @property
    def big(self) -> bool:
        """Whether offsets need 64 bits; with a margin for tiles that stick out."""
        margin = self.block_rows * self.row_stride + self.block_columns
        return self.total + margin >= 2**31

    def sums(self, many: int) -> tuple[int, int, int]:
        """Return the shape of the sums that the backward kernel's programs write, for `many` coefficients."""
        if self.per_column:
            return self.slabs, self.columns, many
        return self.groups, self.slabs * self.chunks, many

    @cached_property
    def arguments(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What both kernels take beside their tensors: for float32, and for half precision."""
        common = {
            "tiles": self.tiles,
            "slabs": self.slabs,
            "chunks": self.chunks,
            "rows": self.rows,
            "columns": self.columns,
            "row_stride": self.row_stride,
            "group_stride": self.group_stride,
            "total": self.total,
            "ROWS": self.block_rows,
            "COLUMNS": self.block_columns,
            "PER_COLUMN": self.per_column,
            "EVEN": self.even,
            "BIG": self.big,
            "num_warps": WARPS,
        }
        return {**common, "HALF": False}, {**common, "HALF": True}


def tiling(sizes: tuple[int, int, int], per_channel: bool, block: int, programs: int) -> Tiling:
    """Return how to cover a dense tensor.

    Args:
        sizes: Elements outside of a channel, channels, and neighbors within one, in memory order.
        per_channel: Whether each channel has coefficients of its own.
        block: Elements of a tile, a power of 2.
        programs: Programs that keep the device busy.

    Example:
        >>> tiling((8, 3, 100), per_channel=True, block=1024, programs=6).block_columns
        128
    """
    outer, channels, inner = sizes
    total = outer * channels * inner
    groups, rows, columns, row_stride, group_stride = 1, -(-total // block), block, block, 0
    if per_channel and inner == 1:
        rows, columns, row_stride = outer, channels, channels
    elif per_channel:
        groups, rows, columns, row_stride, group_stride = channels, outer, inner, channels * inner, inner
    block_columns = min(block, _power_of_2(columns))
    block_rows = min(block // block_columns, _power_of_2(rows))
    in_parallel = groups * -(-columns // block_columns)
    return Tiling(
        groups=groups,
        rows=rows,
        columns=columns,
        row_stride=row_stride,
        group_stride=group_stride,
        total=total,
        block_rows=block_rows,
        block_columns=block_columns,
        slabs=max(1, min(-(-rows // block_rows), programs // in_parallel)),
        per_column=per_channel and inner == 1,
    )


def per_thread(coefficients: int) -> int:
    """Return how many elements of a tile each thread computes.

    8 are one 16-byte access in bfloat16 and two in float32. Each costs the backward kernel a register per
    coefficient: 11 coefficients take 178 registers with 8 elements and 96 with 4; 43 spill with 4.
    """
    return 8 if coefficients <= 8 else 4 if coefficients <= 12 else 2


def _power_of_2(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()


def cover(layout: torch.Tensor, many: int, at: int | None, programs: int) -> Tiling:
    """Return the tiling of a dense tensor.

    Args:
        layout: The tensor.
        many: Coefficients of an element.
        at: Dimension of channels with coefficients of their own; None where one set serves all.
        programs: Programs per multiprocessor.
    """
    block = 32 * WARPS * per_thread(many)
    return _dense(layout.shape, layout.stride(), at, block, programs * _processors(layout.device))


@lru_cache(maxsize=4096)
def _dense(
    shape: tuple[int, ...], strides: tuple[int, ...], channel_dim: int | None, block: int, programs: int
) -> Tiling:
    """Split the shape in memory order at the channels; a cache, since small tensors wait for Python."""
    order = sorted(range(len(shape)), key=strides.__getitem__, reverse=True)
    at = len(order) if channel_dim is None else order.index(channel_dim)
    sizes = [shape[d] for d in order]
    split = (math.prod(sizes[:at]), math.prod(sizes[at : at + 1]), math.prod(sizes[at + 1 :]))
    return tiling(split, channel_dim is not None, block, programs)


@lru_cache
def _processors(device: torch.device) -> int:
    """Return the multiprocessors of a device; 1 for the interpreter."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
