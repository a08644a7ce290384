"""Catalogue of activations, as `autoact list` and `autoact show` print it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

import autoact
from autoact._card import aligned
from autoact.activations import register_file
from autoact.analysis import Facts, facts, subject
from autoact.cli._parser import json_text
from autoact.cli.catalogue._curve import draw
from autoact.errors import ConfigurationError

COLUMNS = (
    "name",
    "family",
    "parameters",
    "smooth",
    "growth",
    "range",
    "Lipschitz",
    "κ",
    "gain",
    "var. slope",
)


def listing(module: str | None = None) -> str:
    """Return every activation in one line, those that a Python file registers among them."""
    if module:
        load_module(module)
    rows = [COLUMNS, *(row(autoact.get(name), facts(name)) for name in autoact.list_activations())]
    return "\n".join(aligned(rows))


def row(act: autoact.Activation, found: Facts) -> tuple[str, ...]:
    """Return the columns of an activation with its default parameters."""
    return (
        act.name,
        act.family,
        ", ".join(f"{p.name}={p.default:g}" for p in act.parameters) or "-",
        smooth(found),
        found.growth,
        f"[{number(found.range[0], 3)}, {number(found.range[1], 3)}]",
        *(number(value, 4) for value in (found.lipschitz, found.gradient_noise, found.gain)),
        number(found.variance_map_slope, 4),
    )


def listing_json(module: str | None = None) -> str:
    """Return the same as JSON."""
    if module:
        load_module(module)
    return json_text({"activations": [_plain(name) for name in autoact.list_activations()]})


def _plain(name: str, **values: float) -> dict[str, Any]:
    """Return what is known of an activation as plain types; infinite facts are "inf", unknown ones null."""
    act = autoact.get(name)
    return {
        "name": act.name,
        "family": act.family,
        "description": act.description,
        "expression": str(act.expression),
        "latex": act.latex,
        "reference": act.reference,
        "parameters": act.settings(**values),
        **{key: _exact(value) for key, value in asdict(facts(subject(act, **values))).items()},
    }


def _exact(value: Any) -> Any:
    """Return a fact that JSON can hold: infinity by its name."""
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def facts_text(
    name: str, parameters: Sequence[str] = (), module: str | None = None, *, as_json: bool = False
) -> str:
    """Return formula, parameters, facts and graph of an activation.

    Args:
        name: Registered name.
        parameters: Values as `name=value`.
        module: Python file to run first, which may register it.
        as_json: Whether as JSON.
    """
    if module:
        load_module(module)
    values = _values(autoact.get(name), parameters)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return json_text(_plain(name, **values)) if as_json else describe(name, **values)
    except ArithmeticError as error:
        shown = ", ".join(f"{key}={value:g}" for key, value in values.items())
        raise ConfigurationError(f"The facts of {name} with {shown} are out of range: {error}.") from error


def describe(name: str, **parameters: float) -> str:
    """Return what `autoact show` prints.

    >>> print(describe("relu").splitlines()[0])
    relu: Positive part.
    """
    act = autoact.get(name)
    values = act.settings(**parameters)
    lines = [f"{act.name}: {act.description}", f"  f(x) = {act.expression}", _line("LaTeX", act.latex)]
    lines += [
        _line(
            "parameter", f"{p.name} = {values[p.name]:g} in [{p.lower:g}, {p.upper:g}], {_kind(p.learnable)}"
        )
        for p in act.parameters
    ]
    lines += [
        _line("family", act.family),
        _line("reference", act.reference or "-"),
        _line("torch", str(act.module(**values) or "- (autoact.FixedActivation)")),
        *fact_lines(facts(subject(act, **parameters))),
        "",
        draw(subject(act, **parameters)),
    ]
    return "\n".join(lines)


def fact_lines(found: Facts) -> list[str]:
    """Return facts with their names, one idea per line."""
    kinks = "unknown" if found.kinks is None else ", ".join(map(number, found.kinks)) or "none"
    left, right = map(number, found.limits)
    return [
        _line("smoothness", f"{smooth(found)}, kinks {kinks}"),
        _line("growth", f"{found.growth}, limits {left} and {right}"),
        _line("range", f"[{number(found.range[0])}, {number(found.range[1])}]"),
        _line("Lipschitz", number(found.lipschitz)),
        "  under N(0, 1)",
        _line("value", f"E[f] {number(found.mean)}, E[f²] {number(found.second_moment)}, "
              f"variance {number(found.variance)}"),
        _line("slope", f"E[f'] {number(found.slope_mean)}, E[f'²] {number(found.slope_moment)}"),
        _line("signal", f"gain {number(found.gain)}, variance-map slope {number(found.variance_map_slope)}"),
        _line("gradient", f"noise κ {number(found.gradient_noise)}, χ at that gain {number(found.chi)}"),
    ]  # fmt: skip


def _line(label: str, text: str) -> str:
    return f"  {label:<12}{text}"


def _kind(learnable: bool) -> str:
    return "learnable" if learnable else "fixed"


def smooth(found: Facts) -> str:
    """Return the smoothness class in words."""
    if found.smoothness is None:
        return "unknown"
    if found.smoothness < 0:
        return "jumps"
    return "C∞" if math.isinf(found.smoothness) else f"C{found.smoothness}"


def number(value: float, digits: int = 6) -> str:
    """Return a number as people write it.

    >>> number(2.0000000001), number(float("inf")), number(float("nan")), number(-1e-17)
    ('2', '∞', 'none', '0')
    """
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "0" if abs(value) < 1e-12 else f"{value:.{digits}g}"


def _values(act: autoact.Activation, given: Sequence[str]) -> Mapping[str, float]:
    """Read `name=value` settings."""
    values = {}
    for text in given:
        key, _, value = text.partition("=")
        try:
            values[key.strip()] = finite(value)
        except ValueError:
            allowed = ", ".join(f"{p.name}={p.default:g}" for p in act.parameters) or "none"
            raise ConfigurationError(
                f"--param {text!r} is not name=value with a number. Parameters of {act.name}: {allowed}."
            ) from None
    return values


def finite(text: str) -> float:
    """Return the number that a text is, or raise ValueError."""
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def load_module(file: str) -> None:
    """Run a Python file, so that the activations it registers can be shown.

    Raises:
        ConfigurationError: No such file, or one that fails.
    """
    try:
        register_file(file)
    except ConfigurationError as error:
        raise ConfigurationError(f"--module {error}") from error
