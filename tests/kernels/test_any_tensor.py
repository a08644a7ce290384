"""Mixtures of any tensor: shapes, strides, dtypes and extremes; values and gradients are the formula's.

`FUZZ=2000 python -m pytest -n 0 tests/kernels/test_any_tensor.py` tries so many tensors.
"""

import os
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import autoact

LONG = int(os.environ.get("FUZZ", "0"))
BUILT_IN = autoact.list_activations()
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
LARGE = 300  # elements from which C computes, at least
ROOM = 8  # steps of a computation may be so many times the larger of x and what comes out
FULL_TURNS = 1e15  # beyond, no sine is known: neighbors in float64 are whole turns apart
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda x: x,
    "transposed": lambda x: x.transpose(0, -1) if x.dim() else x,
    "expanded": lambda x: x.unsqueeze(-1).expand(*x.shape, 3),
    "sliced": lambda x: x[..., ::2] if x.dim() else x,
    "flipped": lambda x: x.flip(tuple(range(x.dim()))),
    "negative view": lambda x: torch._neg_view(-x),
    "overlapping": lambda x: x.flatten().as_strided((max(x.numel() - 2, 0), 3), (1, 1)),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x,
    "one element": lambda x: x.flatten()[0] if x.numel() else x,
    "nothing": lambda x: x[:0] if x.dim() else x,
}


def numbers() -> st.SearchStrategy[float]:
    """Draw numbers of all sizes, infinite ones and NaN among them."""
    largest = [torch.finfo(dtype).max for dtype in DTYPES]
    sizes = [
        0.0,
        5e-324,
        1e-300,
        1e-45,
        1e-40,
        1e-20,
        1e-3,
        1.0,
        20.0,
        88.8,
        104.0,
        720.0,
        1e4,
        1e10,
        1e15,
        1e18,
    ]
    sizes += [1.9e19, 1e25, 3e37, 1e38, 1e155, 1e300, *largest, torch.inf]
    special = st.sampled_from([*sizes, *(-size for size in sizes), torch.nan])
    return special | st.floats(-12, 12) | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Draw a tensor with up to five dimensions, small or large, in some layout."""
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    if draw(st.booleans()):
        shape.append(LARGE)
    values = draw(st.lists(numbers(), min_size=1, max_size=12))
    count = int(torch.Size(shape).numel())
    filled = torch.tensor(values, dtype=torch.float64).repeat(count // len(values) + 1)[:count]
    return LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](
        filled.reshape(shape).to(draw(st.sampled_from(DTYPES)))
    )


def formula(name: str, x: Tensor, theta: Tensor) -> Tensor:
    """Return an activation by its formula in float64."""
    parameters = autoact.get(name).parameters
    return autoact.get(name)(x, **{p.name: theta[i] for i, p in enumerate(parameters)})


@pytest.mark.slow
@settings(max_examples=LONG or 60)
@given(name=st.sampled_from(BUILT_IN), x=tensors(), share=st.sampled_from([0.0, 0.3, 1.0]))
def test_values_and_slopes_of_any_tensor(name: str, x: Tensor, share: float) -> None:
    other = "relu" if name != "relu" else "tanh"
    inner = torch.float64 if x.dtype == torch.float64 else torch.float32
    theta = torch.tensor([p.default for p in autoact.get(name).parameters], dtype=torch.float64)
    names = {p.name: theta[i].to(inner) for i, p in enumerate(autoact.get(name).parameters)}
    own, wide = x.detach().requires_grad_(), x.double().detach().requires_grad_()
    y = autoact.mixture(own, torch.tensor([share, 1 - share], dtype=inner), (name, other), {name: names})
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    want = share * formula(name, wide, theta) + (1 - share) * formula(other, wide, theta)
    (slope,) = torch.autograd.grad(y.sum(), own)
    (expected,) = torch.autograd.grad(want.sum(), wide)
    unit = torch.finfo(inner).eps
    limit = torch.finfo(x.dtype).max / ROOM
    turns = any(autoact.get(n).family == "periodic" for n in (name, other))
    for got, exact in ((y, want), (slope, expected)):
        known = (wide.abs() < (FULL_TURNS if turns else limit)) & (exact.abs() < limit) & (want.abs() < limit)
        allowed = torch.finfo(x.dtype).eps * exact.abs() + 8 * unit * torch.maximum(
            exact.abs(), wide.abs().clamp(1, 100)
        )
        tiny = torch.finfo(x.dtype).smallest_normal
        assert ((got.double() - exact).abs() <= allowed + tiny)[known].all()


@settings(max_examples=LONG or 40)
@given(name=st.sampled_from(BUILT_IN), x=numbers(), dtype=st.sampled_from(DTYPES), large=st.booleans())
def test_gradients_are_numbers_where_the_value_is_one(
    name: str, x: float, dtype: torch.dtype, large: bool
) -> None:
    """In x, parameters and weights, one element alone: a single infinite product would spoil all of them."""
    point = torch.tensor([x], dtype=torch.float64).repeat(LARGE if large else 1).to(dtype)
    if not (point.abs() <= torch.finfo(dtype).max / ROOM).all():
        return
    inner = torch.float64 if dtype == torch.float64 else torch.float32
    own = point.requires_grad_()
    parameters = autoact.get(name).parameters
    theta = [torch.tensor(p.default, dtype=inner).requires_grad_() for p in parameters]
    w = torch.tensor([0.6, 0.4], dtype=inner, requires_grad=True)
    other = "tanh" if name != "tanh" else "relu"
    named = {p.name: t for p, t in zip(parameters, theta, strict=True)}
    y = autoact.mixture(own, w, (name, other), {name: named})
    if not torch.isfinite(y).all():
        return
    found = torch.autograd.grad(y[0], (own, *theta, w), allow_unused=True)
    assert not any(torch.isnan(gradient).any() for gradient in found if gradient is not None)


@settings(max_examples=LONG or 40)
@given(name=st.sampled_from(BUILT_IN), x=numbers(), dtype=st.sampled_from(DTYPES))
def test_second_derivatives_are_numbers(name: str, x: float, dtype: torch.dtype) -> None:
    own = torch.tensor([x], dtype=torch.float64).to(dtype)
    if not own.abs() <= torch.finfo(dtype).max / ROOM:
        return
    own.requires_grad_()
    w = torch.tensor([0.6, 0.4], dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    y = autoact.mixture(own, w, (name, "tanh" if name != "tanh" else "relu"))
    (slope,) = torch.autograd.grad(y.sum(), own, create_graph=True)
    if not torch.isfinite(y).all() or not slope.requires_grad:
        return
    (bend,) = torch.autograd.grad(slope.sum(), own, allow_unused=True, materialize_grads=True)
    assert not torch.isnan(bend).any()


@pytest.mark.parametrize("size", [7, LARGE])
def test_deterministic_algorithms_are_enough(size: int) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        layer = autoact.AutoActivation("default", granularity="channel", channels=3)
        y = layer(torch.linspace(-3, 3, 3 * size).reshape(size, 3).requires_grad_())
        y.square().sum().backward()
    finally:
        torch.use_deterministic_algorithms(before)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
