"""The Triton back end: generated kernels launched over tiles of a tensor, any dense layout, no atomics.

A tensor is a stack of rows of neighbors in memory: the whole of it cut into rows of one tile; or, with
coefficients per channel, the positions of one channel (channels outermost in a row), or all channels of one
position (channels last). A grid of a few programs per multiprocessor walks over the tiles.
"""

from __future__ import annotations

import linecache
import logging
import math
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import torch

from autoact.errors import UnsupportedInputError
from autoact.kernels.gpu import _functions
from autoact.kernels.plan import Plan, backward_program, forward_program
from autoact.kernels.print import backward_source, forward_source

log = logging.getLogger(__name__)
_serial = count()
WARPS = 4
# Programs per multiprocessor: as many as its registers hold at once, since a program that waits for a place
# leaves others idle at the end. 32 registers per thread forward, about 128 backward (triton_counts.py).
FORWARD_PROGRAMS, BACKWARD_PROGRAMS = 16, 4


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
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

    def arguments(self) -> dict[str, int | bool]:
        """Return what both kernels take beside their tensors and the dtype."""
        return {
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
        }


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


def unsupported(plan: Plan, x: torch.Tensor) -> str | None:
    """Return why these kernels cannot compute a mixture; None where they can.

    Example:
        >>> from autoact.kernels import plan_for
        >>> unsupported(plan_for(("relu",)), torch.ones(2, dtype=torch.float64))
        'float64 is computed by torch'
    """
    if x.dtype == torch.float64:
        return "float64 is computed by torch"
    if not _functions.INSTALLED:
        return "Triton is not installed (pip install triton)"
    if torch.version.hip or not (x.is_cuda or _functions.INTERPRETED.value):
        return "the kernels are written for NVIDIA GPUs"
    try:
        kernels(plan)
    except UnsupportedInputError as reason:
        return str(reason)
    return None


def forward(plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, channel_dim: int) -> torch.Tensor:
    """Return y of the shape, dtype and layout of x: one kernel, which reads x and writes y."""
    y = torch.empty_like(x)
    if x.numel():
        cover = _cover(y, coefficients, channel_dim, FORWARD_PROGRAMS)
        _launch(kernels(plan)[0], cover, _like(x, y), y, coefficients.contiguous())
    return y


def backward(
    plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of x and of the coefficients: one kernel, and one sum over its rows of sums."""
    grad_x = torch.empty_like(x)
    if not x.numel():
        return grad_x, torch.zeros_like(coefficients)
    many = coefficients.shape[-1]
    cover = _cover(grad_x, coefficients, channel_dim, BACKWARD_PROGRAMS)
    shape = (cover.slabs, cover.columns) if cover.per_column else (cover.groups, cover.slabs * cover.chunks)
    partial = torch.empty((*shape, many), dtype=torch.float32, device=x.device)
    tensors = (_like(x, grad_x), _like(grad, grad_x), grad_x, partial, coefficients.contiguous())
    _launch(kernels(plan)[1], cover, *tensors)
    return grad_x, partial.sum(0 if cover.per_column else 1).reshape(coefficients.shape)


def _cover(layout: torch.Tensor, coefficients: torch.Tensor, channel_dim: int, programs: int) -> Tiling:
    """Return the tiling of a dense tensor."""
    at = channel_dim % layout.dim() if coefficients.dim() == 2 else None
    block = 32 * WARPS * per_thread(coefficients.shape[-1])
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


def _like(t: torch.Tensor, layout: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the strides of another: itself, or a copy."""
    strides = zip(t.shape, t.stride(), layout.stride(), strict=True)
    if all(own == other for size, own, other in strides if size > 1):
        return t
    return torch.empty_like(layout, dtype=t.dtype).copy_(t)


def _launch(kernel: Any, cover: Tiling, *tensors: torch.Tensor) -> None:
    half = tensors[0].dtype in (torch.bfloat16, torch.float16)
    on = torch.cuda.device(tensors[0].device) if tensors[0].is_cuda else nullcontext()
    with on:
        kernel[(cover.programs,)](
            *tensors, **cover.arguments(), HALF=half, num_warps=WARPS, enable_fp_fusion=True
        )


@lru_cache(maxsize=512)
def kernels(plan: Plan) -> tuple[Any, Any]:
    """Return the forward and the backward kernel; Triton compiles them when they are first launched."""
    log.debug("mixture of %s runs as Triton kernels", plan.key)
    return (
        kernel("forward", forward_source(forward_program(plan))),
        kernel("backward", backward_source(backward_program(plan))),
    )


@lru_cache(maxsize=1024)
def kernel(name: str, source: str) -> Any:
    """Turn generated source into a kernel whose lines Triton and tracebacks can read.

    Mixtures of one set of basis functions have one source, whatever their members are called.
    """
    filename = f"<autoact triton {name} {next(_serial)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    log.debug("%s\n%s", filename, source)
    namespace: dict[str, Any] = {**vars(_functions), "__name__": __name__}
    exec(compile(source, filename, "exec"), namespace)
    return namespace[name]
