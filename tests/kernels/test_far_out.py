"""Values and derivatives of all activations at the ends of the numbers, against formulas in many digits."""

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache

import mpmath
import pytest
import sympy as sp
import torch
from torch import Tensor

import autoact
from autoact.activations import X
from autoact.activations.primitives import elementary

BUILT_IN = autoact.list_activations()
LARGE = 256  # elements from which C computes
ROOM = 8  # steps of a computation may be so many times the larger of x and what comes out
DIGITS = {torch.float32: 150, torch.float64: 700}  # the square of the largest number must not hide 1
FULL_TURNS = 1e14  # beyond, no sine is known
SQUARED_TURNS = 10.0  # beyond, the square in finer's sine is rounded by more than is allowed here
LEAST_DOSE = 1e-18  # x from which hill has second derivatives
Variables = tuple[sp.Symbol, ...]


def stable(name: str) -> sp.Expr:
    """Return a formula whose derivatives do not cancel: 150 digits of 1 - tanh² are none of exp(-800)."""
    return elementary(autoact.get(name).expression).replace(sp.tanh, lambda u: 1 - 2 / (1 + sp.exp(2 * u)))


def derivatives(name: str) -> dict[Variables, sp.Expr]:
    """Return the value and all derivatives of first and second order, in x and parameters."""
    found: dict[Variables, sp.Expr] = {(): stable(name)}
    variables = (X, *autoact.get(name).symbols)
    found |= {(v,): found[()].diff(v) for v in variables}
    pairs = itertools.combinations_with_replacement(variables, 2)
    return found | {(a, b): found[(a,)].diff(b) for a, b in pairs}


@cache
def functions(name: str) -> dict[Variables, Callable[..., mpmath.mpf]]:
    """Return the derivatives as functions, the same for all dtypes."""
    symbols = [X, *autoact.get(name).symbols]
    return {key: sp.lambdify(symbols, each, modules="mpmath") for key, each in derivatives(name).items()}


def points(dtype: torch.dtype) -> list[float]:
    """Return numbers of all sizes, rounded to the dtype: subnormal ones, thresholds, the largest."""
    info = torch.finfo(dtype)
    sizes = [info.tiny * info.eps, info.tiny / 2, info.tiny, info.tiny**0.5, info.eps, 0.7, 2.9, 20.0, 104.0]
    sizes += [746.0, 9e3, 2e4, 1e7, 0.9e10, 1e11, 0.9e12, 1e13, 1e15, 0.9e18, 1.1e18, 1e24]
    sizes += [info.max**0.5 * 1.1, info.max / 10, info.max]
    return [sign * x for x in torch.tensor(sizes, dtype=dtype).tolist() for sign in (1.0, -1.0)]


def computed(
    name: str, x: float, parameters: list[float], dtype: torch.dtype, size: int
) -> dict[Variables, float]:
    """Return what a mixture of the activation alone and its derivatives are; second ones of a small one."""
    own = torch.full((size,), x, dtype=dtype, requires_grad=True)
    act, inner = autoact.get(name), torch.float64 if dtype == torch.float64 else torch.float32
    theta = [torch.tensor(p, dtype=inner, requires_grad=True) for p in parameters]
    named = {p.name: t for p, t in zip(act.parameters, theta, strict=True)}
    weights = torch.tensor([1.0, 0.0], dtype=inner)
    y = autoact.mixture(own, weights, (name, "identity" if name != "identity" else "relu"), {name: named})
    values, symbols = (own, *theta), (X, *act.symbols)
    found: dict[Variables, float] = {(): y[0].item()}
    firsts = torch.autograd.grad(y[0], values, create_graph=size == 1, allow_unused=True)
    for i, first in enumerate(firsts):
        if first is not None:
            found[(symbols[i],)] = _number(first)
            found |= {(symbols[i], symbols[j]): v for j, v in _seconds(first, values, i)}
    return found


def _seconds(first: Tensor, values: tuple[Tensor, ...], start: int) -> Iterator[tuple[int, float]]:
    if first.requires_grad:
        found = torch.autograd.grad(first.sum(), values[start:], retain_graph=True, allow_unused=True)
        yield from ((start + j, _number(second)) for j, second in enumerate(found) if second is not None)


def _number(gradient: Tensor) -> float:
    return gradient.flatten()[0].item()


MORE = [pytest.param(dtype, marks=pytest.mark.slow) for dtype in (torch.bfloat16, torch.float16)] + [
    pytest.param(torch.float64, marks=[pytest.mark.slow, pytest.mark.long])
]  # 1 to 10 s each


@pytest.mark.parametrize("dtype", [torch.float32, *MORE], ids=str)
@pytest.mark.parametrize("name", BUILT_IN)
def test_of_an_activation(name: str, dtype: torch.dtype) -> None:
    act, inner = autoact.get(name), torch.float64 if dtype == torch.float64 else torch.float32
    formulas = functions(name)
    parameters = torch.tensor([p.default for p in act.parameters], dtype=inner).tolist()
    largest, unit = torch.finfo(dtype).max, max(torch.finfo(dtype).eps, 64 * torch.finfo(inner).eps)

    @cache  # both sizes ask for it
    def wanted(key: Variables, x: float) -> mpmath.mpf:
        with mpmath.workdps(DIGITS[inner]):
            return mpmath.mpf(formulas[key](mpmath.mpf(x), *map(mpmath.mpf, parameters)))

    for x, size in itertools.product(points(dtype), (1, LARGE)):
        if not math.isfinite(x):
            continue
        for key, got in computed(name, x, parameters, dtype, size).items():
            want = wanted(key, x)
            place = f"d{key} at x = {x}, {size} elements: {got}, {mpmath.nstr(want)} by the formula"
            if max(abs(x), abs(want)) > largest / ROOM:
                continue
            assert not math.isnan(got), place
            turns = SQUARED_TURNS if name == "finer" else FULL_TURNS
            if act.family == "periodic" and abs(x) > turns:
                continue
            if name == "hill" and len(key) == 2 and x < LEAST_DOSE:
                continue
            scale = max(abs(want), min(max(abs(x), 1.0), 100.0))
            assert abs(got - want) <= unit * scale + torch.finfo(dtype).tiny, place
