"""A function of x alone, made of whatever can be analyzed: a name, an activation, a mixture, a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import sympy as sp
import torch

from autoact.activations import Activation, get
from autoact.activations.activation import X
from autoact.activations.primitives import elementary
from autoact.activations.source import compile_source, function_source
from autoact.errors import ConfigurationError

Array = npt.NDArray[np.float64]


@runtime_checkable
class Layer(Protocol):
    """What a mixture layer shows of itself."""

    candidates: tuple[str, ...]

    def weights(self) -> torch.Tensor:
        """Weights of the mixture, (K,) or (C, K)."""

    def values(self) -> dict[str, torch.Tensor]:
        """Parameter values by "candidate.parameter"."""


Analyzable = str | Activation | Mapping[str, float] | Layer


class Subject:
    """An expression in x without free parameters, with its value and derivatives as float64 functions."""

    def __init__(self, expression: sp.Expr) -> None:
        self.expression = expression
        self._derivatives: dict[int, Callable[..., Any]] = {}

    @cached_property
    def elementary(self) -> sp.Expr:
        """The expression in SymPy's own terms."""
        return elementary(self.expression)

    def __call__(self, x: Array, order: int = 0) -> Array:
        """Return the value or a derivative at every x."""
        if order not in self._derivatives:
            expression = sp.diff(self.expression, X, order) if order else self.expression
            self._derivatives[order] = compile_source("f", function_source("f", ["x"], [expression]))
        (result,) = self._derivatives[order](torch.from_numpy(np.asarray(x, dtype=np.float64)))
        return np.broadcast_to(np.asarray(result, dtype=np.float64), np.shape(x))


def subject(act: Analyzable, **parameters: float) -> Subject:
    """Return the function of x that a name, an Activation, a mapping name -> weight or a layer stands for.

    Args:
        act: What to analyze; a layer's weights and parameters are taken as they are now.
        **parameters: Parameter values of a single activation; defaults for the rest.

    Raises:
        ConfigurationError: Parameters given for a mixture, or a layer with one function per channel.
    """
    if isinstance(act, str | Activation):
        return Subject(_expression(get(act), get(act).settings(**parameters)))
    if parameters:
        raise ConfigurationError(
            f"Parameters {sorted(parameters)} go with one activation, not with a mixture."
        )
    if isinstance(act, Mapping):
        return Subject(sp.Add(*(sp.Float(w) * _expression(get(n), get(n).defaults) for n, w in act.items())))
    weights = act.weights().detach().double().cpu()
    values = {name: value.detach().double().cpu() for name, value in act.values().items()}
    if weights.dim() != 1 or any(v.dim() for v in values.values()):
        raise ConfigurationError(
            "The layer has one function per channel. Analyze get(name) with one channel's values."
        )
    terms = []
    for name, weight in zip(act.candidates, weights.tolist(), strict=True):
        own = {p.name: float(values[f"{name}.{p.name}"]) for p in get(name).parameters}
        terms.append(sp.Float(weight) * _expression(get(name), own))
    return Subject(sp.Add(*terms))


def _expression(act: Activation, values: Mapping[str, Any]) -> sp.Expr:
    numbers = {s: sp.Float(float(values[s.name])) for s in act.symbols}
    return act.expression.xreplace(numbers)
