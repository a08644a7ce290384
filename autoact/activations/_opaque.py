"""Torch callables that SymPy cannot express, as opaque functions inside expressions.

Value and derivatives of any order are evaluated by torch itself: slower than a generated formula, and facts
that need a formula (smoothness) are not available.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
import torch

from autoact.activations._piecewise import Primitive

FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {}


class Opaque(Primitive):
    """Base of the functions made here.

    Attributes:
        torch_name: Name in generated source.
        torch_function: Callable of as many tensors as there are arguments.
        arguments: Number of arguments.

    Example:
        >>> bessel = opaque("bessel", torch.special.i0e, 1)
        >>> issubclass(bessel, Opaque), bessel.torch_name
        (True, 'bessel')
    """

    torch_name: str
    torch_function: Callable[..., torch.Tensor]
    arguments: int

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return the derivative in one argument, opaque again."""
        function, position = type(self).torch_function, argindex - 1
        name = f"{type(self).torch_name}_d{position}"
        return opaque(name, _derivative(function, position), type(self).arguments)(*self.args)

    def elementary(self) -> sp.Expr:
        """Return itself: there is nothing simpler."""
        return self


def opaque(name: str, function: Callable[..., torch.Tensor], arguments: int) -> type[Opaque]:
    """Return a SymPy function of so many arguments; generated torch code calls `function` for it.

    Args:
        name: An identifier of Python.
        function: Elementwise and differentiable by torch: tensors of one shape -> a tensor of that shape.
        arguments: How many tensors it takes, at least 1.

    Example:
        >>> opaque("bessel", torch.special.i0e, 1)(sp.Symbol("x", real=True))
        bessel(x)
    """
    identifier = f"opaque_{name}"
    FUNCTIONS[identifier] = function
    call = f"{identifier}({', '.join(f'{{{i}}}' for i in range(arguments))})"
    body: dict[str, Any] = {
        "nargs": arguments,
        "code": call,
        "tex": rf"\mathrm{{{name.replace('_', ' ')}}}("
        + ", ".join(f"{{{i}}}" for i in range(arguments))
        + ")",
        "torch_name": name,
        "torch_function": staticmethod(function),
        "arguments": arguments,
    }
    made: type[Opaque] = type(name, (Opaque,), body)
    return made


def _derivative(function: Callable[..., torch.Tensor], position: int) -> Callable[..., torch.Tensor]:
    def derivative(*arguments: torch.Tensor) -> torch.Tensor:
        wide = torch.broadcast_tensors(*(torch.as_tensor(a) for a in arguments))
        total: torch.Tensor = torch.func.grad(lambda *a: function(*a).sum(), argnums=position)(*wide)
        return total

    return derivative
