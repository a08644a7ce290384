"""Grid of inputs on which users' functions are recognized: by what they compute, not by their names.

A registered activation is what has its values and its derivatives to 1e-6, in float64 or else in float32,
whatever the shape, each element by itself, and the same at every call.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor

from autoact._cache import remembered
from autoact.activations import DEFAULT_CANDIDATES, get, list_activations
from autoact.conversion.grid._purity import LIBRARIES, is_pure
from autoact.errors import ConfigurationError
from autoact.spaces import Choice

_TOLERANCE = 1e-6
_NEVER = ("identity", "abs", "exp", "cosine")  # operations rather than somebody's activation
_QUICK_GELU = Choice("swish", {"beta": 1.702})
_WRITTEN = (FunctionType, MethodType, partial, torch.jit.ScriptFunction)


def computed(function: Callable[[Tensor], Any], *, inplace: bool = False) -> Choice | None:
    """Return the registered activation that a function computes, or None.

    Args:
        function: What may be called on a tensor without any effect.
        inplace: Whether it may change that tensor.

    Example:
        >>> computed(lambda x: x * torch.sigmoid(x)), computed(lambda x: torch.softmax(x, -1)) is None
        (Choice('silu'), True)
    """
    for dtype in (torch.float64, torch.float32):
        found = _on_grid(function, dtype, inplace)
        if found is not None:
            return _nearest(*found)
    return None


def computed_by(function: Any) -> Choice | None:
    """Return the registered activation that a function of the user's computes, or None.

    Args:
        function: A function, a lambda, a bound method, a `functools.partial` of one, or a callable object.
            What might have an effect when it is called is not tried.
    """
    if not callable(function) or isinstance(function, type | torch.nn.Module):
        return None
    held = isinstance(function, _WRITTEN)
    written = function if held else inspect.getattr_static(type(function), "__call__", None)
    if not isinstance(written, _WRITTEN):
        return None
    inner = written.func if isinstance(written, partial) else written
    home = getattr(inner, "__globals__", {}).get("__name__", "")  # __module__ is copied by decorators
    if home.partition(".")[0] in LIBRARIES:
        return None
    try:
        return _tried(function, None if written is function else function)
    except TypeError:
        return None  # not hashable


@remembered(maxsize=4096)
def _tried(function: Any, owner: Any) -> Choice | None:
    called = function if owner is None else type(owner).__call__
    return computed(function) if is_pure(called, owner) and takes_one_tensor(function) else None


def takes_one_tensor(function: Any) -> bool:
    """Tell whether a function may be called with one argument by position."""
    try:
        inspect.signature(function).bind(None)
    except (TypeError, ValueError):
        return isinstance(function, torch.jit.ScriptFunction)
    return True


def _on_grid(
    function: Callable[[Tensor], Any], dtype: torch.dtype, inplace: bool
) -> tuple[Tensor, Tensor] | None:
    """Return values and derivatives if the function works element by element, else None."""
    x = _grid().to(dtype)
    try:
        with torch.random.fork_rng(devices=[]):
            with torch.no_grad():
                values = function(given := x.clone())
                turned = function(x.flip(0).view(2, 2, -1).clone())
                part = function(x[5:17].clone())
            with torch.enable_grad():
                leaf = x.clone().requires_grad_()
                (slopes,) = torch.autograd.grad(function(leaf * 1).sum(), leaf)
    except Exception:  # any function may be asked, and one that refuses a plain tensor is no activation
        return None
    if not inplace and not torch.equal(given, x):
        return None
    if not all(isinstance(each, Tensor) and each.dtype.is_floating_point for each in (values, turned, part)):
        return None
    alike = values.shape == x.shape and turned.numel() == x.numel() and part.shape == (12,)
    if not alike or not _close(turned.flatten().flip(0), values) or not _close(part, values[5:17]):
        return None
    return values.detach().double(), slopes.double()


@lru_cache(maxsize=1)
def _grid() -> Tensor:
    """Return inputs at none of which a registered activation has a kink, and an even number of them."""
    dense = torch.linspace(-12, 12, 193, dtype=torch.float64) + 0.0103
    return torch.cat([dense, torch.tensor([1e-3, 30.0, -30.0])])


def _close(one: Tensor, other: Tensor) -> bool:
    one, other = one.double(), other.double()
    return bool(((one - other).abs() <= _TOLERANCE * (1 + other.abs())).all())


@remembered(maxsize=2)
def _known(names: tuple[str, ...]) -> tuple[tuple[Choice, Tensor, Tensor], ...]:
    """Return what may be recognized; the plainest of equal functions first, torch's own before others."""
    members = [get(name) for name in names if name not in _NEVER]
    members.sort(key=lambda act: (act.twin is None, len(act.parameters), act.name not in DEFAULT_CANDIDATES))
    choices = [*(Choice(act.name) for act in members), _QUICK_GELU]
    return tuple((choice, *_values(choice)) for choice in choices)


@remembered(maxsize=512)
def _values(choice: Choice) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x = _grid().clone().requires_grad_()
        values = get(choice.activation)(x, **choice.parameters)
        constant = not values.requires_grad
        slopes = torch.zeros_like(x) if constant else torch.autograd.grad(values.sum(), x)[0]
    return values.detach(), slopes


def _nearest(values: Tensor, slopes: Tensor) -> Choice | None:
    for choice, expected, rising in _known(tuple(list_activations())):
        if _close(values, expected) and _close(slopes, rising):
            return choice
    for choice in _fitted(values, slopes):
        expected, rising = _values(choice)
        if _close(values, expected) and _close(slopes, rising):
            return choice
    return None


def _fitted(values: Tensor, slopes: Tensor) -> Iterator[Choice]:
    """Yield members with a parameter as the values ask for, in four digits and as they are."""
    x, first, last = _grid(), float(values[-1]), float(values[-2])
    one = int((x - 1).abs().argmin())
    ratio = float(values[one] / x[one])
    guesses: list[tuple[str, dict[str, float]]] = [
        ("elu", {"alpha": -first}),
        ("celu", {"alpha": -first}),
        ("hardtanh", {"min_val": first, "max_val": last}),
    ]
    if 0 < -first < 30:
        guesses.append(("leaky_relu", {"negative_slope": -first / 30}))
    if -1 < (start := float(values[-3])) < 1:
        guesses.append(("sinusoid", {"omega": math.asin(start) / float(x[-3])}))
    if 0 < ratio < 1:
        guesses.append(("swish", {"beta": math.log(ratio / (1 - ratio)) / float(x[one])}))
    if start > 0 and 0 < (rise := float(slopes[-3])) < 1:
        guesses.append(("softplus", {"beta": -math.log1p(-rise) / start}))
    for name, settings in guesses:
        for digits in (4, 16):
            try:
                yield Choice(name, {key: float(f"{value:.{digits}g}") for key, value in settings.items()})
            except ConfigurationError:
                continue
