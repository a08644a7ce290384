"""Functions of the page: every activation with a formula in JavaScript, and what the tabs say of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import sympy as sp

from autoact.activations import Activation, Opaque, Parameter, X, get, list_activations
from autoact.analysis import linear_pieces
from autoact.dashboard import embedded
from autoact.errors import ConfigurationError
from autoact.kernels.print import javascript_function, javascript_library
from autoact.play._formulas import mathml

ORDERS = (0, 1, 2)  # of the derivatives that are printed


def shown() -> tuple[list[Activation], list[str]]:
    """Return the activations that have a formula, and the names of those that have none."""
    every = [get(name) for name in list_activations()]
    left = [act.name for act in every if act.expression.has(Opaque)]
    return [act for act in every if act.name not in left], left


def described(act: Activation) -> dict[str, Any]:
    """Return what the page says of an activation, as plain types."""
    return {
        "name": act.name,
        "family": act.family,
        "description": act.description,
        "reference": act.reference,
        "formula": mathml(act.expression),
        "parameters": [_parameter(p) for p in act.parameters],
        "pieces": _pieces(act),
    }


def source(acts: list[Activation]) -> str:
    """Return JavaScript of {activations, erf, erfc}: by name, f, f' and f'' of x and the parameters."""
    rows = [f"{embedded(act.name)}: [{', '.join(_derivatives(act))}]" for act in acts]
    return "\n".join(
        [
            "(() => {",
            javascript_library(),
            "return { erf, erfc, activations: {",
            ",\n".join(rows),
            "} };",
            "})()",
        ]
    )


@cache
def _derivatives(act: Activation) -> tuple[str, ...]:
    arguments = (X, *act.symbols)
    wanted = (sp.diff(act.expression, X, order) if order else act.expression for order in ORDERS)
    return tuple(javascript_function(arguments, each) for each in wanted)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter with the range of its slider: what a search tries, else around its value."""
    reach = 2 * (1 + abs(parameter.default))
    low, high = parameter.search or (parameter.default - reach, parameter.default + reach)
    low, high = max(low, parameter.lower), min(high, parameter.upper)
    low, high = min(low, parameter.default), max(high, parameter.default)
    log = parameter.search is not None and low > 0
    return {
        "name": parameter.name,
        "start": parameter.default,
        "low": low,
        "high": high,
        "log": log,
        "free": parameter.learnable,
    }


@cache
def _pieces(act: Activation) -> dict[str, list[float]] | None:
    """Return the straight pieces of an activation with its own values, None where it bends otherwise."""
    try:
        found = linear_pieces(act)
    except ConfigurationError:
        return None
    if not len(found.kinks):
        return None
    return {name: getattr(found, name).tolist() for name in ("kinks", "slopes", "intercepts")}
