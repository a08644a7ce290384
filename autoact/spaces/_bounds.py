"""Narrower ranges for the parameters of activations, kept by training, search and projection alike."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoact.activations import Parameter, get
from autoact.errors import ConfigurationError
from autoact.spaces._choice import Choice

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where parameters of activations may go; a range of one point fixes a parameter.

    Args:
        ranges: (activation, parameter, low, high) each.

    Example:
        >>> bounds = Bounds.of({"elu": {"alpha": 1}, "hill": {"n": [2, 6]}})
        >>> bounds.range_of("hill", "n")
        (2.0, 6.0)
        >>> [parameter.learnable for parameter in bounds.parameters("elu")]
        [False]
    """

    ranges: tuple[tuple[str, str, float, float], ...] = ()

    @classmethod
    def of(cls, given: "Bounds | Mapping[str, Mapping[str, Any]] | None") -> "Bounds":
        """Return bounds from {activation: {parameter: number or [low, high]}}.

        Raises:
            UnknownActivationError: No such activation.
            ConfigurationError: No such parameter, or a range outside of what the activation allows.
        """
        if isinstance(given, Bounds):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise ConfigurationError(
                f"bounds are like {{elu: {{alpha: 1}}, hill: {{n: [2, 6]}}}}; got {given!r}."
            )
        return cls(tuple(row for name, entry in (given or {}).items() for row in _rows(name, entry)))

    def range_of(self, activation: str, parameter: str) -> Range | None:
        """Return the range of a parameter, None if nothing is said about it."""
        rows = (row for row in self.ranges if row[:2] == (activation, parameter))
        return next(((low, high) for _, _, low, high in rows), None)

    def parameters(self, activation: str) -> tuple[Parameter, ...]:
        """Return an activation's parameters with bounds, default and search range narrowed."""
        return tuple(self.narrow(activation, parameter) for parameter in get(activation).parameters)

    def narrow(self, activation: str, parameter: Parameter) -> Parameter:
        """Return one parameter as the bounds leave it; one that cannot move is not learnable."""
        limits = self.range_of(activation, parameter.name)
        if limits is None:
            return parameter
        low, high = limits
        moves = low < high
        return replace(
            parameter,
            lower=low,
            upper=high,
            default=_inside(parameter.default, limits),
            learnable=parameter.learnable and moves,
            search=_overlap(parameter.search, limits) if moves else None,
        )

    def defaults(self, activation: str) -> dict[str, float]:
        """Return the parameter values of an activation where nothing else is said."""
        return {parameter.name: parameter.default for parameter in self.parameters(activation)}

    def fixed(self, activation: str, values: Mapping[str, float]) -> "Bounds":
        """Return these bounds with some parameters of an activation fixed."""
        kept = [row for row in self.ranges if row[0] != activation or row[1] not in values]
        return Bounds((*kept, *((activation, key, value, value) for key, value in values.items())))

    def violation(self, choice: Choice) -> str | None:
        """Return how a choice's values break the bounds, or None if they keep them."""
        for name, value in choice.parameters.items():
            low, high = self.range_of(choice.activation, name) or (-math.inf, math.inf)
            outside = [v for v in (value if isinstance(value, tuple) else (value,)) if not low <= v <= high]
            if outside:
                return (
                    f"{choice.activation}.{name} = {outside[0]:g} is outside its bounds [{low:g}, {high:g}]"
                )
        return None

    def of_candidates(self, candidates: Iterable[str]) -> dict[str, dict[str, Range]]:
        """Return the ranges of some activations: {activation: {parameter: (low, high)}}."""
        found: dict[str, dict[str, Range]] = {}
        for activation, parameter, low, high in self.ranges:
            if activation in candidates:
                found.setdefault(activation, {})[parameter] = (low, high)
        return found

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain types, from which `of` makes the same bounds."""
        data: dict[str, dict[str, Any]] = {}
        for activation, parameter, low, high in self.ranges:
            data.setdefault(activation, {})[parameter] = low if low == high else [low, high]
        return data


def _rows(name: Any, entry: Any) -> Iterable[tuple[str, str, float, float]]:
    act = get(name)
    if not isinstance(entry, Mapping) or not entry:
        example = next((p.name for p in act.parameters), "parameter")
        raise ConfigurationError(f"bounds of {act.name} are like {{{example}: [0.5, 2]}}; got {entry!r}.")
    for key, value in entry.items():
        yield (act.name, key, *_limits(f"{act.name}.{key}", act.parameter(key), value))


def _limits(place: str, parameter: Parameter, value: Any) -> Range:
    ends = value if isinstance(value, list | tuple) else [value, value]
    numbers = [v for v in ends if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if len(ends) != 2 or len(numbers) != 2:
        raise ConfigurationError(f"{place} is bounded by a number or by [low, high]; got {value!r}.")
    low, high = map(float, numbers)
    if low > high:
        raise ConfigurationError(f"{place}: [{low:g}, {high:g}] is empty; write the smaller number first.")
    for end in (low, high):
        parameter.check(end, place)
    return low, high


def _inside(default: float, limits: Range) -> float:
    """Return the default if it is inside; else what is nearest and off the ends, where learning is slow."""
    low, high = limits
    if low < default < high:
        return default
    margin = 0.1 * (high - low)
    return min(max(default, low + margin), high - margin)


def _overlap(search: Range | None, limits: Range) -> Range:
    """Return the part of a search range within limits; the limits themselves if there is none."""
    wide = search or limits
    low, high = max(wide[0], limits[0]), min(wide[1], limits[1])
    return (low, high) if low < high else limits
