"""Subject of an analysis: a function of x alone, made of a name, an activation, a mixture or a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from itertools import count
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import sympy as sp
import torch
from torch import nn

from autoact.activations import (
    Activation,
    Opaque,
    X,
    compile_source,
    from_module,
    function_source,
    get,
    opaque,
    to_primitives,
)
from autoact.activations.primitives import elementary
from autoact.errors import ConfigurationError

Array = npt.NDArray[np.float64]
_serial = count()


@runtime_checkable
class Layer(Protocol):
    """What a mixture layer shows of itself."""

    candidates: tuple[str, ...]

    def weights(self) -> torch.Tensor:
        """Weights of the mixture, (K,) or (C, K)."""

    def values(self) -> dict[str, torch.Tensor]:
        """Parameter values by "candidate.parameter"."""


Elementwise = Callable[[torch.Tensor], torch.Tensor]


class Subject:
    """An expression in x without free parameters, with its value and derivatives as float64 functions.

    Args:
        expression: In SymPy, of the symbol x alone.

    Attributes:
        expression: In SymPy, of the symbol x alone.

    Example:
        >>> from autoact.analysis import subject
        >>> square = subject("relu_squared")
        >>> square(np.array([-1.0, 3.0])), square(np.array([-1.0, 3.0]), order=1)
        (array([0., 9.]), array([0., 6.]))
    """

    def __init__(self, expression: sp.Expr) -> None:
        self.expression = expression
        self._derivatives: dict[int, Callable[..., Any]] = {}

    @cached_property
    def elementary(self) -> sp.Expr:
        """The expression in SymPy's own terms."""
        return elementary(self.expression)

    @property
    def opaque(self) -> bool:
        """Whether it has a part without formula: a torch callable."""
        return bool(self.expression.has(Opaque))

    def derivative(self, order: int = 1) -> Subject:
        """Return its derivative, wherever there is one."""
        return interned(sp.diff(self.expression, X, order))

    def __call__(self, x: Array, order: int = 0) -> Array:
        """Return the value or a derivative at every x."""
        if order not in self._derivatives:
            expression = sp.diff(self.expression, X, order) if order else self.expression
            self._derivatives[order] = compile_source("f", function_source("f", ["x"], [expression]))
        points = torch.from_numpy(np.array(x, dtype=np.float64))
        with torch.device("cpu"):  # facts are computed even where a model is made without memory
            result = torch.as_tensor(*self._derivatives[order](points)).detach().cpu()
        return np.broadcast_to(np.asarray(result, dtype=np.float64), np.shape(x))


Analyzable: TypeAlias = (
    str | Activation | Mapping[str, float] | Layer | sp.Expr | nn.Module | Elementwise | Subject
)


@lru_cache(maxsize=512)
def interned(expression: sp.Expr) -> Subject:
    """Return the one subject of an expression: its compiled code is made once."""
    return Subject(expression)


def subject(act: Analyzable, **parameters: float) -> Subject:
    """Return the function of x that something stands for.

    Args:
        act: A name, an Activation, a mapping name -> weight, a layer (its weights and parameters as they are
            now), an activation module, a SymPy expression of one symbol, or an elementwise torch callable.
        **parameters: Parameter values of a single activation; defaults for the rest.

    Raises:
        ConfigurationError: Parameters given for something that has none, a layer with one function per
            channel, or something that is no function.

    Example:
        >>> subject(torch.nn.ELU(0.5)).expression
        0.5*expm1(neg(x)) + pos(x)
    """
    if isinstance(act, str | Activation):
        return interned(expression_of(get(act), get(act).settings(**parameters)))
    if parameters:
        raise ConfigurationError(
            f"Parameters {sorted(parameters)} go with the name of one activation, not with "
            f"{type(act).__name__}. Give them there."
        )
    if isinstance(act, Subject):
        return act
    if isinstance(act, Mapping):
        terms = (sp.Float(w) * expression_of(get(n), get(n).defaults) for n, w in act.items())
        return interned(sp.Add(*terms))
    if isinstance(act, sp.Expr):
        return interned(_of_one_symbol(act))
    if isinstance(act, Layer):
        return interned(_layer_expression(act))
    return _of_module(act) if isinstance(act, nn.Module) else _of_callable(act)


def expression_of(act: Activation, values: Mapping[str, Any]) -> sp.Expr:
    """Return an activation's expression with numbers for its parameters."""
    numbers = {s: sp.Float(float(values[s.name])) for s in act.symbols}
    return act.expression.xreplace(numbers)


def _of_one_symbol(expression: sp.Expr) -> sp.Expr:
    if len(expression.free_symbols) > 1:
        raise ConfigurationError(
            f"{expression} has the symbols {sorted(map(str, expression.free_symbols))}. Put numbers for all "
            "but one."
        )
    return to_primitives(expression.subs(dict.fromkeys(expression.free_symbols, X)), X)


def _layer_expression(layer: Layer) -> sp.Expr:
    found = _layer_expressions(layer)
    if len(found) > 1:
        raise _per_channel()
    return found[0]


def _layer_expressions(layer: Layer) -> list[sp.Expr]:
    """Return the function of every channel, or the one that all share."""
    weights = layer.weights().detach().double().cpu()
    values = {name: value.detach().double().cpu() for name, value in layer.values().items()}
    sizes = [len(weights)] if weights.dim() == 2 else []
    count = max([*sizes, *(len(v) for v in values.values() if v.dim())], default=1)
    rows = weights.expand(count, -1).tolist()
    columns = {name: value.expand(count).tolist() for name, value in values.items()}
    return [
        _mixed(layer.candidates, row, {name: column[c] for name, column in columns.items()})
        for c, row in enumerate(rows)
    ]


def _mixed(candidates: tuple[str, ...], weights: list[float], values: dict[str, float]) -> sp.Expr:
    terms = []
    for name, weight in zip(candidates, weights, strict=True):
        own = {p.name: values[f"{name}.{p.name}"] for p in get(name).parameters}
        terms.append(sp.Float(weight) * expression_of(get(name), own))
    return sp.Add(*terms)


def channel_subjects(layer: Layer | nn.Module) -> list[Subject]:
    """Return the function of every channel of a layer, or the one that all share.

    Args:
        layer: A mixture layer, or an activation module, whose parameters may have a value per channel.

    Returns:
        One for every channel, or a list of one.

    Example:
        >>> from torch import nn
        >>> [str(each.expression) for each in channel_subjects(nn.ReLU())]
        ['pos(x)']
    """
    if isinstance(layer, Layer):
        return [interned(each) for each in _layer_expressions(layer)]
    settings: Any = getattr(layer, "settings", None)
    sizes = [len(v) for v in settings.parameters.values() if isinstance(v, tuple)] if settings else []
    if not sizes:
        return [subject(layer)]
    act = get(settings.activation)
    each = [
        {k: v[c] if isinstance(v, tuple) else v for k, v in settings.parameters.items()}
        for c in range(max(sizes))
    ]
    return [subject(act, **values) for values in each]


def _of_module(module: nn.Module) -> Subject:
    """Return what a torch activation module or a FixedActivation computes; others are called as they are."""
    fixed: Any = getattr(module, "settings", None)
    found = from_module(module)
    if found is None and hasattr(fixed, "activation") and hasattr(fixed, "parameters"):
        found = fixed.activation, dict(fixed.parameters)
    if found is None:
        return _of_callable(module)
    name, values = found
    if any(isinstance(value, tuple) for value in values.values()):
        raise _per_channel()
    return interned(expression_of(get(name), {**get(name).defaults, **values}))


def _of_callable(function: Any) -> Subject:
    if not callable(function) or isinstance(function, type):
        raise ConfigurationError(
            f"Cannot analyze {function!r}. Give a name, an Activation, a mapping name -> weight, a layer, a "
            "SymPy expression or a function of one tensor."
        )
    name = getattr(function, "__name__", type(function).__name__)
    name = f"call{next(_serial)}_{name if name.isidentifier() else ''}"
    return Subject(opaque(name, function, 1)(X))


def _per_channel() -> ConfigurationError:
    return ConfigurationError(
        "The layer has one function per channel. Analyze get(name) with one channel's values."
    )
