"""Activation: one symbolic expression, from which everything else is derived."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp
import torch
from torch import nn

from autoact.activations._mapping import to_primitives
from autoact.activations._source import compile_source, function_source
from autoact.activations._twins import Twin, Value
from autoact.activations.primitives import elementary
from autoact.errors import ConfigurationError, UnsupportedInputError, did_you_mean

X = sp.Symbol("x", real=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number inside an activation, learnable or set by hand.

    Args:
        default: Value where nothing else is said, within [lower, upper].
        lower: Smallest value allowed.
        upper: Largest value allowed.
        learnable: Whether training may move it.
        search: Range (low, high) from which a search suggests values; log scale when low > 0.
        name: Filled in from the argument name of the activation.

    Raises:
        ConfigurationError: A default outside the bounds.

    Example:
        >>> Parameter(default=1.0, lower=0.0).upper
        inf
    """

    default: float
    lower: float = -math.inf
    upper: float = math.inf
    learnable: bool = True
    search: tuple[float, float] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Check the bounds once."""
        self.check(self.default, f"The default of parameter {self.name!r}" if self.name else "A default")

    def check(self, value: float, place: str) -> None:
        """Raise if a value is outside the bounds."""
        if not self.lower <= value <= self.upper:
            raise ConfigurationError(f"{place} lies in [{self.lower:g}, {self.upper:g}]; got {value!r}.")


class Activation:
    """A named elementwise function of x and its parameters.

    Call it on a tensor: `get("elu")(x, alpha=0.7)`. bfloat16 and float16 inputs are computed in float32 and
    rounded once.

    Args:
        name: Name by which `get` finds it.
        expression: In SymPy, of `x` and symbols named like the parameters.
        parameters: Its parameters, in the order in which they are passed.
        family: Group that search spaces can name.
        reference: Paper or book.
        description: One sentence.
        twin: torch's own module and functions for it, where there are any.
        aliases: Further names by which `get` finds it.

    Raises:
        ConfigurationError: The expression uses a symbol that is neither `x` nor a parameter.

    Example:
        >>> import torch
        >>> x = sp.Symbol("x", real=True)
        >>> double = Activation("double", 2 * x, family="example")
        >>> double(torch.tensor([1.0, -3.0]))
        tensor([ 2., -6.])
    """

    def __init__(
        self,
        name: str,
        expression: sp.Expr,
        parameters: tuple[Parameter, ...] = (),
        *,
        family: str,
        reference: str = "",
        description: str = "",
        twin: Twin | None = None,
        aliases: tuple[str, ...] = (),
    ) -> None:
        self.name, self.parameters, self.family = name, parameters, family
        self.reference, self.description, self.twin, self.aliases = reference, description, twin, aliases
        self.expression = to_primitives(expression, X)
        unknown = self.expression.free_symbols - {X, *self.symbols}
        if unknown:
            raise ConfigurationError(
                f"Activation {name!r} uses {sorted(map(str, unknown))} beside x and its parameters."
            )

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """SymPy symbols of the parameters, in order."""
        return tuple(sp.Symbol(p.name, real=True) for p in self.parameters)

    @property
    def defaults(self) -> dict[str, float]:
        """Default parameter values by name."""
        return {p.name: p.default for p in self.parameters}

    @cached_property
    def elementary(self) -> sp.Expr:
        """The expression in SymPy's own terms, for limits, facts and high-precision values."""
        return elementary(self.expression)

    @cached_property
    def latex(self) -> str:
        """The formula."""
        names = {s: rf"\mathrm{{{s.name.replace('_', ' ')}}}" for s in self.symbols if "_" in s.name}
        return str(sp.latex(self.expression, symbol_names=names))

    @cached_property
    def source(self) -> str:
        """Torch source of the value."""
        return function_source("value", ["x", *self.defaults], [self.expression])

    @cached_property
    def _value(self) -> Callable[..., Any]:
        return compile_source("value", self.source)

    def parameter(self, name: str) -> Parameter:
        """Return one of the parameters.

        Raises:
            ConfigurationError: There is none of this name; says which there are.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise ConfigurationError(
                f"{self.name} has no parameter {name!r}; it has: {allowed}.{did_you_mean(name, known)}"
            )
        return known[name]

    def settings(self, **parameters: Any) -> dict[str, Any]:
        """Return all parameter values: those given, checked by name and bounds, and defaults for the rest."""
        for name, value in parameters.items():
            parameter = self.parameter(name)
            for number in value if isinstance(value, tuple) else [value]:
                if isinstance(number, int | float):
                    parameter.check(number, f"{self.name}.{name}")
        return {**self.defaults, **parameters}

    def __call__(self, x: torch.Tensor, **parameters: Any) -> torch.Tensor:
        """Return the activation of every element.

        Args:
            x: Floating tensor of any shape.
            **parameters: Floats, or tensors that broadcast against x; defaults for those not given.

        Returns:
            Tensor of the shape and dtype of x.

        Raises:
            UnsupportedInputError: x is not a floating tensor.
            ConfigurationError: An unknown parameter, or a value outside its bounds.

        Example:
            >>> import torch
            >>> import autoact
            >>> autoact.get("prelu")(torch.tensor([-2.0, 3.0]), slope=0.5)
            tensor([-1.,  3.])
        """
        if not x.is_floating_point():
            raise UnsupportedInputError(
                f"{self.name} takes floating tensors, got {x.dtype} of shape {tuple(x.shape)}."
            )
        inner = x if x.dtype == torch.float64 else x.float()
        values = [
            inner.new_tensor(v) if isinstance(v, float | int) else v
            for v in self.settings(**parameters).values()
        ]
        (value,) = self._value(inner, *values)
        # a constant expression gives a plain number
        result = value if isinstance(value, torch.Tensor) else inner.new_tensor(value)
        return result.to(x.dtype).expand_as(x) if result.shape != x.shape else result.to(x.dtype)

    def module(self, **parameters: Value) -> nn.Module | None:
        """Return torch's own module with these settings, or None where torch has none."""
        return self.twin.make(self.settings(**parameters)) if self.twin else None

    def __repr__(self) -> str:
        """Show name and parameters."""
        return f"Activation({', '.join([self.name, *(f'{k}={v:g}' for k, v in self.defaults.items())])})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by name: the registry of the reading process supplies the expression."""
        from autoact.activations._registry import get

        return get, (self.name,)
