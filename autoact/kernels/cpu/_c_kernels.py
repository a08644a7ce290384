"""Compiled CPU kernels run on tensors: weights and parameters in, gradients of both out.

One read of x and one write forward; one read of x and of grad and one write backward, all sums in the same
pass. Sums are added up in an order that the shape alone decides: the same bits at every run and with any
number of threads.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod

import torch

from autoact._cache import remembered
from autoact.activations import FREE_FORM, get
from autoact.errors import UnsupportedInputError
from autoact.kernels.cpu._library import load, log
from autoact.kernels.plan import Plan, plan_of
from autoact.kernels.print import library_source

SMALLEST = 256  # elements; from here on a call saves 0.8 ms, so that a compilation of 0.3 s pays after 400
CHUNK = 1 << 16  # elements of a layer that share one row of sums, and the least that a thread is woken for
SHORT_RUN = 16  # elements; shorter runs of a channel are first copied together
_STORED = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}
_POINTER, _INTEGER = ctypes.c_void_p, ctypes.c_int64


class Layout(ctypes.Structure):
    """How x divides into items of one set of weights each; the fields of mixture.c."""

    _fields_ = [
        *((name, _INTEGER) for name in ("items", "offset", "weights_step", "parameters_step")),
        *((name, _INTEGER) for name in ("runs", "stride", "length", "last_length")),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """The functions of one library, and the number of sums that they keep."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    pull_back: Callable[..., None]
    sums: int


def kernels_for(plan: Plan, dtype: torch.dtype) -> Kernels | str:
    """Return the compiled kernels for tensors on a CPU, or why there are none."""
    if len(plan.candidates) < 2 and get(plan.candidates[0]).family != FREE_FORM:
        return "a single activation is left to torch"
    stored = _STORED.get(dtype)
    return _kernels(plan.key, stored) if stored else f"x is {str(dtype).removeprefix('torch.')}"


def required_kernels(plan: Plan, dtype: torch.dtype) -> Kernels:
    """Return the compiled kernels, which a compiled model counts on."""
    found = kernels_for(plan, dtype)
    if isinstance(found, str):
        raise RuntimeError(f"A model compiled for C kernels met a tensor without any: {found}.")
    return found


@remembered(maxsize=256)
def _kernels(key: str, stored: str) -> Kernels | str:
    plan = plan_of(key)
    try:
        source = library_source(plan, stored)
    except UnsupportedInputError as error:
        log.debug("no compiled CPU kernel for %s: %s", key, error)
        return str(error).partition(";")[0].rstrip(".")
    library = load(source)
    if library is None:
        return "no C compiler (gcc, clang or cc) makes a kernel here"
    forward, backward, pull_back = library.forward, library.backward, library.pull_back
    forward.argtypes = [_POINTER] * 5 + [_INTEGER] * 2
    backward.argtypes = [_POINTER] * 7 + [_INTEGER] * 2
    pull_back.argtypes = [_POINTER] * 6
    for function in (forward, backward, pull_back):
        function.restype = None
    return Kernels(forward, backward, pull_back, len(plan.coefficient_symbols))


def forward(
    kernels: Kernels, x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor, channel_dim: int
) -> torch.Tensor:
    """Return y of the shape, dtype and layout of x.

    Args:
        kernels: Of the plan and the dtype of x.
        x: Any shape and layout.
        weights: (K,) or (C, K), float32.
        parameters: (P,) or (C, P), float32.
        channel_dim: Dimension of x that C runs along.
    """
    weights, parameters = weights.contiguous(), parameters.contiguous()
    if weights.dim() == parameters.dim() == 1:
        return forward_at(kernels, x, weights.data_ptr(), parameters.data_ptr())
    x = x.resolve_neg()  # imag of a conjugate is a view whose memory holds the other sign
    moved = _is_scattered(x, channel_dim)
    dense = _dense(x.movedim(channel_dim, 0) if moved else x, moved)
    layout = _layout(dense.shape, weights.shape, parameters.shape, 0 if moved else channel_dim)
    out = _value(kernels, dense, weights.data_ptr(), parameters.data_ptr(), layout)
    return torch.empty_like(x).copy_(out.movedim(0, channel_dim)) if moved else out


def forward_at(kernels: Kernels, x: torch.Tensor, weights: int, parameters: int) -> torch.Tensor:
    """Return y of one set of weights and parameters, which lie at these addresses."""
    dense = _dense(x.resolve_neg(), False)
    return _value(kernels, dense, weights, parameters, _one_set(dense.numel()))


def _value(kernels: Kernels, x: torch.Tensor, weights: int, parameters: int, layout: Layout) -> torch.Tensor:
    out = torch.empty_like(x)
    _run(kernels.forward, (x.data_ptr(), weights, parameters, out.data_ptr()), layout, x.numel())
    return out


def backward(
    kernels: Kernels,
    x: torch.Tensor,
    weights: torch.Tensor,
    parameters: torch.Tensor,
    grad: torch.Tensor,
    channel_dim: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of x, weights and parameters; arguments as in `forward`, grad like x."""
    weights, parameters = weights.contiguous(), parameters.contiguous()
    at = weights.data_ptr(), parameters.data_ptr()
    if weights.dim() == parameters.dim() == 1:
        grad_w, grad_p = torch.empty_like(weights), torch.empty_like(parameters)
        return backward_at(kernels, x, *at, grad, grad_w.data_ptr(), grad_p.data_ptr()), grad_w, grad_p
    x, grad = x.resolve_neg(), grad.resolve_neg()
    moved = _is_scattered(x, channel_dim)
    dense = _dense(x.movedim(channel_dim, 0) if moved else x, moved)
    grad = grad.movedim(channel_dim, 0) if moved else grad
    layout = _layout(dense.shape, weights.shape, parameters.shape, 0 if moved else channel_dim)
    grad_w, grad_p = (t.new_empty((layout.items, t.shape[-1])) for t in (weights, parameters))
    out = _gradients(kernels, dense, *at, grad, grad_w.data_ptr(), grad_p.data_ptr(), layout)
    grad_x = torch.empty_like(x).copy_(out.movedim(0, channel_dim)) if moved else out
    return grad_x, _summed(grad_w, weights), _summed(grad_p, parameters)


def backward_at(
    kernels: Kernels,
    x: torch.Tensor,
    weights: int,
    parameters: int,
    grad: torch.Tensor,
    grad_weights: int,
    grad_parameters: int,
) -> torch.Tensor:
    """Return the gradient of x, and write those of weights and parameters to two addresses more."""
    dense, grad = _dense(x.resolve_neg(), False), grad.resolve_neg()
    layout = _one_set(dense.numel())
    return _gradients(kernels, dense, weights, parameters, grad, grad_weights, grad_parameters, layout)


def _gradients(
    kernels: Kernels,
    x: torch.Tensor,
    weights: int,
    parameters: int,
    grad: torch.Tensor,
    grad_weights: int,
    grad_parameters: int,
    layout: Layout,
) -> torch.Tensor:
    if grad.stride() != x.stride() or grad.dtype != x.dtype:
        grad = torch.empty_like(x).copy_(grad)
    out = torch.empty_like(x)
    sums = torch.empty(layout.items * kernels.sums, dtype=torch.float64, device=x.device)
    totals = sums.data_ptr()
    pointers = (x.data_ptr(), grad.data_ptr(), weights, parameters, out.data_ptr(), totals)
    _run(kernels.backward, pointers, layout, x.numel())
    kernels.pull_back(weights, parameters, totals, ctypes.addressof(layout), grad_weights, grad_parameters)
    return out


def _summed(rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return one row per channel, or their sum for a tensor that all channels share."""
    if like.dim() == 2:
        return rows
    return rows.sum(0)


def _is_scattered(x: torch.Tensor, channel_dim: int) -> bool:
    """Tell whether the elements of a channel lie too far apart to be read where they are."""
    after = prod(x.shape[channel_dim % x.dim() + 1 :])
    return not x.is_contiguous() or after < SHORT_RUN


def _dense(x: torch.Tensor, moved: bool) -> torch.Tensor:
    """Return x without gaps in memory; in the order of its dimensions if they were moved."""
    if moved or x.is_contiguous():
        return x.contiguous()
    copy = torch.empty_like(x)
    return x if copy.stride() == x.stride() else copy.copy_(x)


@lru_cache(maxsize=4096)
def _one_set(numel: int) -> Layout:
    items = -(-numel // CHUNK)
    return Layout(items, CHUNK, 0, 0, 1, 0, CHUNK, numel - (items - 1) * CHUNK)


@lru_cache(maxsize=4096)
def _layout(shape: torch.Size, weights: torch.Size, parameters: torch.Size, channel_dim: int) -> Layout:
    channel_dim %= len(shape)
    steps = [size[1] if len(size) == 2 else 0 for size in (weights, parameters)]
    length = prod(shape[channel_dim + 1 :])
    channels = shape[channel_dim]
    return Layout(channels, length, *steps, prod(shape[:channel_dim]), channels * length, length, length)


def _run(function: Callable[..., None], pointers: tuple[int, ...], layout: Layout, numel: int) -> None:
    """Call a kernel on all items, in as many threads as torch uses and the size is worth."""
    address, items = ctypes.addressof(layout), layout.items
    threads = min(torch.get_num_threads(), items, max(1, numel // CHUNK))
    if threads <= 1:
        function(*pointers, address, 0, items)
        return
    bounds = [items * t // threads for t in range(threads + 1)]
    submit = _threads(os.getpid(), threads).submit
    waiting = [submit(function, *pointers, address, *part) for part in pairwise(bounds)]
    for part in waiting:
        part.result()


@lru_cache(maxsize=4)
def _threads(process: int, count: int) -> ThreadPoolExecutor:
    """Return the threads of this process: those of a parent do not survive a fork."""
    return ThreadPoolExecutor(count, "autoact")
