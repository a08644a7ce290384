"""Python file of an invented activation: importing it is all that a search, a space or an export needs."""

from __future__ import annotations

import keyword
import math
import pprint
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sympy as sp

from autoact.activations import get
from autoact.errors import ConfigurationError, UnknownActivationError
from autoact.invention._fits import Curve
from autoact.invention._found_formula import FAMILY, FoundFormula

_POINTS = 33  # of the curve in the file
_FACTS = ("smoothness", "kinks", "growth", "limits", "range", "lipschitz", "gain", "gradient_noise", "chi")


def check_name(name: str, path: Path) -> None:
    """Complain about a name or a file that cannot be taken, before anything is trained.

    Args:
        name: Of the activation.
        path: Of the file to write.

    Raises:
        ConfigurationError: No identifier, a name that is taken, a file that is there, or no folder for it.

    Example:
        >>> check_name("relu", Path("relu.py"))
        Traceback (most recent call last):
        autoact.errors.ConfigurationError: The name 'relu' is taken by Activation(relu). Choose another name.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name[0] == "_":
        raise ConfigurationError(
            f"The name {name!r} is no name of a Python function. Use letters, digits and _, such as 'mine'."
        )
    if name in _imported(None) or name in ("autoact", "sp"):
        raise ConfigurationError(f"The name {name!r} is one of SymPy's. Choose another name.")
    try:
        raise ConfigurationError(f"The name {name!r} is taken by {get(name)!r}. Choose another name.")
    except UnknownActivationError:
        pass
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise ConfigurationError(f"{path} is no Python file that can be imported, such as mine.py.")
    if path.exists():
        raise ConfigurationError(
            f"{path} exists already; nothing is overwritten. Name another file (out, --out)."
        )
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"There is no folder {path.parent} for {path.name}. Make it, or give another."
        )


def file_text(name: str, formula: FoundFormula, curve: Curve | None, found_on: Mapping[str, Any]) -> str:
    """Return the file.

    Args:
        name: Of the activation.
        formula: What was found.
        curve: The shape that it was found for; None: it was bred.
        found_on: Model, data, seeds and the like, in plain types.
    """
    arguments = "".join(f", {p.name}=autoact.Parameter(default={p.default!r})" for p in formula.parameters)
    facts = {key: value for key, value in asdict(formula.facts).items() if key in _FACTS}
    how = "that was bred from others" if curve is None else f"that fits {_fit(formula)}"
    return f'''r"""Activation {name}, which autoact found: {formula.latex}

Import this file before a search space, an assignment or `autoact.get` names it.
"""

from sympy import {", ".join(sorted(_imported(formula.expression)) or ["S"])}

import autoact


@autoact.activation(family="{FAMILY}", reference="found by autoact.invent")
def {name}(x{arguments}):
    r"""Formula {how}."""
    return {formula.source}


LATEX = r"{formula.latex}"
FACTS = {_plain(facts)}
FOUND_ON = {_plain(dict(found_on))}
{"" if curve is None else _curve(curve)}'''


def _fit(formula: FoundFormula) -> str:
    return f"a learned shape within {100 * formula.error:.2g} % of its standard deviation"


def _curve(curve: Curve) -> str:
    every = max(1, (len(curve.nodes) - 1) // (_POINTS - 1))
    points = [
        (round(float(x), 4), round(float(y), 4))
        for x, y in zip(curve.nodes[::every], curve.values[::every], strict=True)
    ]
    return f"CURVE = {_plain(points)}  # learned shape: input, value\n"


def _imported(expression: sp.Expr | None) -> set[str]:
    """Return the names of SymPy that a formula uses; of no formula, all that any can."""
    if expression is None:
        return {"Abs", "Max", "S", "atan", "cos", "erf", "exp", "log", "sin", "sqrt", "tanh", "x"}
    named = {type(each).__name__ for each in expression.atoms(sp.Function)}
    roots = any(abs(each.exp) == sp.S.Half for each in expression.atoms(sp.Pow))
    return named | ({"Max"} if expression.has(sp.Max) else set()) | ({"sqrt"} if roots else set())


def _plain(value: Any) -> str:
    text = pprint.pformat(_without_infinity(value), width=100, compact=True, sort_dicts=False)
    for word in ("-inf", "inf", "nan"):
        text = text.replace(f"'{word}'", f'float("{word}")')
    return text


def _without_infinity(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _without_infinity(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_infinity(each) for each in value)
    return value


def write_new(path: Path, text: str) -> None:
    """Write a file that must not be there yet.

    Raises:
        ConfigurationError: It is there.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists already; nothing is overwritten.") from error
