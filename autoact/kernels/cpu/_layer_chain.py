"""Chain of a layer with one set of weights: logits and raw numbers to y, and gradients back, in C.

A dozen numbers that torch would compute by a hundred operations. What backward needs of them is kept in one
row, the state: a schedule may move buffers before backward.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import torch

from autoact.kernels._alone import alone
from autoact.kernels.cpu import _c_kernels
from autoact.kernels.cpu._c_kernels import required_kernels
from autoact.kernels.cpu._library import load
from autoact.kernels.plan import Plan

_POINTER, _INTEGER = ctypes.c_void_p, ctypes.c_int64
_DTYPES = (*(torch.float32,) * 5, torch.float64, torch.float32)
Tensors = tuple[torch.Tensor, ...]


class Chain:
    """Kernels of a mixture whose weights and parameter values follow from logits and raw numbers.

    Args:
        library: Of `chain_library`.
        plan: The mixture's plan.
        forms: Numbers of the range of each of P parameters: lower, upper, free, side, bound, floor, width.
    """

    def __init__(self, library: ctypes.CDLL, plan: Plan, forms: tuple[tuple[float, ...], ...]) -> None:
        self._library, self._plan = library, plan
        k, p = self._sizes = len(plan.candidates), len(forms)
        self.parts = (k, p, k, p, 1, 1, k, p)  # weights, values, their speeds, and the numbers given
        self._size = sum(self.parts)
        flat = [*(float(n) for form in forms for n in form)]
        self._layer = ctypes.create_string_buffer(
            struct.pack(f"2q{len(flat)}d", k, p, *flat)
        )  # as in chain.c
        self._at = ctypes.addressof(self._layer)

    def forward(self, x: torch.Tensor, numbers: Tensors, step: float) -> Tensors:
        """Return y of the shape, dtype and layout of x, and the state that backward needs.

        Args:
            x: Any shape and layout; float32, bfloat16 or float16.
            numbers: logits (K,), raw (P,), temperature (), release (), anchor (K,), initial (P,), and the
                logits seen last (K,); `readable`.
            step: What is added to release, in place, if the logits moved since; 0: both stay.
        """
        state = torch.empty(self._size, dtype=torch.float32, device="cpu")
        at, k = state.data_ptr(), self._sizes[0]
        single = self._library.chain(self._at, *[t.data_ptr() for t in numbers], at, step)
        if single >= 0:
            return alone(self._plan, single, x, state[k : k + self._sizes[1]], 0), state
        return _c_kernels.forward_at(required_kernels(self._plan, x.dtype), x, at, at + 4 * k), state

    def backward(
        self,
        x: torch.Tensor,
        state: torch.Tensor,
        grad: torch.Tensor,
        logits: torch.Tensor,
        raw: torch.Tensor,
    ) -> Tensors:
        """Return the gradients of x, logits and raw numbers."""
        (k, p), at = self._sizes, state.data_ptr()
        pulled = torch.empty(k + p, dtype=torch.float32, device="cpu")
        own = pulled.data_ptr(), pulled.data_ptr() + 4 * k
        grad_x = _c_kernels.backward_at(required_kernels(self._plan, x.dtype), x, at, at + 4 * k, grad, *own)
        grad_z, grad_r = state.new_empty(k), state.new_empty(p)
        self._library.chain_backward(self._at, at, *own, grad_z.data_ptr(), grad_r.data_ptr())
        return grad_x, grad_z.to(logits.dtype), grad_r.to(raw.dtype)

    def taken(self, weights: torch.Tensor, values: torch.Tensor) -> Tensors:
        """Return what the plain twin of the mixture's kernels takes."""
        return weights, values


def readable(numbers: Sequence[torch.Tensor]) -> bool:
    """Tell whether C may read and write where they are the numbers that `Chain.forward` takes."""
    return all(
        t.dtype is dtype and t.is_cpu and t.is_contiguous() and not t.is_neg()
        for t, dtype in zip(numbers, _DTYPES, strict=True)
    )


def as_readable(numbers: Tensors) -> Tensors:
    """Return such numbers where C may read them; copies may be written in vain."""
    if readable(numbers):
        return numbers
    return tuple(t.to("cpu", d).resolve_neg().contiguous() for t, d in zip(numbers, _DTYPES, strict=True))


@lru_cache(maxsize=8)
def chain_library(value: str, speed: str) -> ctypes.CDLL | None:
    """Return the library of all chains; None without a C compiler.

    Args:
        value: Value of a parameter in C, over its raw number r, its value v at 0, and its form f.
        speed: Its derivative in r.
    """
    source = files("autoact.kernels.cpu").joinpath("chain.c").read_text(encoding="utf-8")
    library = load(f"#define VALUE {value}\n#define SPEED {speed}\n{source}")
    if library is None:
        return None
    library.chain.argtypes = [_POINTER] * 9 + [ctypes.c_float]
    library.chain.restype = _INTEGER
    library.chain_backward.argtypes = [_POINTER] * 6
    library.advance_release.argtypes = [_POINTER] * 3 + [ctypes.c_float, _INTEGER]
    library.observe.argtypes = [_POINTER, _INTEGER, *[_POINTER] * 2, _INTEGER, *[ctypes.c_double] * 2]
    for function in (library.chain_backward, library.advance_release, library.observe):
        function.restype = None
    return library
