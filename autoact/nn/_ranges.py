"""Constrained parameters: raw numbers that an optimizer may move anywhere, and values within their bounds.

At raw = 0 the value is the initial one exactly, in every dtype: each form adds to the initial value a
difference that is 0 there without rounding (log2(1 + 2^0) is exactly 1).
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autoact.activations import Parameter

EDGE = 1e-3  # a start on a bound of a range moves as if it were this part of the range inside


class Form(NamedTuple):
    """Numbers of the formula: floats of one parameter, tensors (P,) of several, or their names in C.

    0 switches a term off.

    Args:
        lower: Least value.
        upper: Largest value.
        free: 1 for a parameter without bounds.
        side: 1 for one bounded below only, -1 above only.
        bound: That bound.
        floor: Lower end of a range with two ends.
        width: Width of that range.
        sided: Whether any side differs from 0.
        ranged: Whether any width does.
    """

    lower: Any
    upper: Any
    free: Any
    side: Any
    bound: Any
    floor: Any
    width: Any
    sided: bool
    ranged: bool


class _Operations(NamedTuple):
    """Functions of tensors, or of the text of a kernel."""

    or_one: Callable[[Any], Any]
    log2_1p_exp2: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    logit: Callable[[Any], Any]
    clamp: Callable[[Any, Any, Any], Any]


def constrained(raw: Tensor, initial: Tensor, parameters: tuple[Parameter, ...]) -> Tensor:
    r"""Return parameter values in natural units.

    Unbounded: $v_0 + \rho$; bounded below: $\ell + (v_0 - \ell) \log_2(1 + 2^\rho)$; above: its mirror
    image; bounded on both sides: a sigmoid range through $v_0$. A parameter that is not learnable keeps its
    initial value and gets no gradient.

    Args:
        raw: (P,) or (C, P), any real numbers.
        initial: (P,) or (C, P), values at raw = 0.
        parameters: P of them.

    Returns:
        Values of the shape of `initial`, all within their bounds.

    Example:
        >>> constrained(torch.tensor([-9.0]), torch.tensor([1.0]), (Parameter(default=1.0, lower=0.0),))
        tensor([0.0028])
    """
    if not any(parameter.learnable for parameter in parameters):
        return initial
    if not torch.compiler.is_compiling():  # all columns at once: a third of the calls of torch
        return _value(raw, initial, _forms(parameters, initial.dtype, initial.device), _ON_TENSORS)
    columns = zip(raw.unbind(-1), initial.unbind(-1), parameters, strict=True)
    values = [_value(r, v, form_of(p), _ON_TENSORS) if p.learnable else v for r, v, p in columns]
    return torch.stack(values, -1)


def constrained_text(raw: str, initial: str, form: Form) -> tuple[str, str]:
    """Return one parameter's value and its derivative in `raw` as expressions of a kernel.

    Args:
        raw: Name of any number.
        initial: Name of the value at raw = 0.
        form: That of the parameter, or names of its numbers.

    Example:
        >>> constrained_text("r", "v", form_of(Parameter(default=1.0, lower=0.0)))[0]
        'clamp((v + (or_one(v) * (log2_1p_exp2(r) + -1))), 0.0, float("inf"))'
    """
    named = _Text(raw), _Text(initial)
    return str(_value(*named, form, _IN_TEXT)), str(_speed(*named, form, _IN_TEXT))


def c_text() -> tuple[str, str]:
    """Return value and derivative of a parameter r, v at 0, whose form is the struct f of a C program."""
    names = [_Text(f"f.{name}") for name in Form._fields[:7]]
    return constrained_text("r", "v", Form._make([*names, True, True]))


def _value(raw: Any, initial: Any, form: Form, on: _Operations) -> Any:
    """Return the value of tensors or names: the one place where the formula stands."""
    value = initial + form.free * raw
    if form.sided:
        value = value + form.side * _span(initial, form, on) * (on.log2_1p_exp2(form.side * raw) - 1)
    if form.ranged:
        center = on.logit(_share(initial, form, on))
        value = value + form.width * (on.sigmoid(raw + center) - on.sigmoid(center))
    return on.clamp(value, form.lower, form.upper)


def _speed(raw: Any, initial: Any, form: Form, on: _Operations) -> Any:
    """Return the derivative of `_value` in raw."""
    speed = form.free
    if form.sided:
        reach = form.side * form.side * _span(initial, form, on)
        speed = speed + reach * on.sigmoid(form.side * raw * math.log(2))
    if form.ranged:
        s = on.sigmoid(raw + on.logit(_share(initial, form, on)))
        speed = speed + form.width * s * (1 - s)
    return speed


def _span(initial: Any, form: Form, on: _Operations) -> Any:
    return on.or_one(form.side * (initial - form.bound))  # a start on the bound moves off it at unit speed


def _share(initial: Any, form: Form, on: _Operations) -> Any:
    return (initial - form.floor) / on.or_one(form.width)


def form_of(p: Parameter) -> Form:
    """Return the numbers of the formula of a parameter."""
    low, high = p.lower > -math.inf, p.upper < math.inf  # torch.compile cannot trace isfinite
    if not p.learnable:
        return Form(-math.inf, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0, False, False)
    if low and high:
        return Form(p.lower, p.upper, 0.0, 0.0, 0.0, p.lower, p.upper - p.lower, False, True)
    if low:
        return Form(p.lower, p.upper, 0.0, 1.0, p.lower, 0.0, 0.0, True, False)
    if high:
        return Form(p.lower, p.upper, 0.0, -1.0, p.upper, 0.0, 0.0, True, False)
    return Form(p.lower, p.upper, 1.0, 0.0, 0.0, 0.0, 0.0, False, False)


@lru_cache(maxsize=256)
def _forms(parameters: tuple[Parameter, ...], dtype: torch.dtype, device: torch.device) -> Form:
    """Return the forms of all parameters as one of tensors."""
    forms = [form_of(p) for p in parameters]
    with torch.inference_mode(False):
        rows = torch.tensor([f[:7] for f in forms], dtype=dtype, device=device).T.contiguous()
    sided, ranged = any(f.sided for f in forms), any(f.ranged for f in forms)
    return Form._make([*rows.unbind(), sided, ranged])


class _Text:
    """Expression that prints the arithmetic done on it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __add__(self, other: Any) -> "_Text":
        return self if isinstance(other, float) and other == 0 else _Text(f"({self} + {_literal(other)})")

    def __sub__(self, other: Any) -> "_Text":
        return self + -other

    def __neg__(self) -> "_Text":
        return self * -1.0

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, float) and other in (0.0, 1.0):
            return self if other else other
        return _Text(f"({self} * {_literal(other)})")

    def __truediv__(self, other: Any) -> "_Text":
        return _Text(f"({self} / {_literal(other)})")

    def __rsub__(self, other: float) -> "_Text":
        return -self + other

    __radd__, __rmul__ = __add__, __mul__


def _literal(value: Any) -> str:
    return str(value) if not isinstance(value, float) or math.isfinite(value) else f'float("{value}")'


def _called(name: str) -> Callable[..., Any]:
    return lambda *arguments: _Text(f"{name}({', '.join(map(_literal, arguments))})")


_ON_TENSORS = _Operations(
    lambda gap: gap + (gap == 0),
    lambda u: torch.logaddexp2(u, u.new_zeros(())),
    torch.sigmoid,
    lambda share: torch.logit(share, eps=EDGE),
    # what lies on a bound may come back: torch.clamp lets it no more since 2.14
    lambda u, low, high: torch.where(u < low, low, torch.where(u > high, high, u)),
)
_IN_TEXT = _Operations(*map(_called, _Operations._fields))._replace(
    logit=lambda share: _called("logit")(share, EDGE)
)
