"""Hyperparameters of the model that are searched with the activations, and the values that each may take."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from autoact.errors import ConfigurationError, did_you_mean
from autoact.records import Value

_KINDS = ("log", "uniform", "int", "choice")
_OWNER = "model"
_FORM = "Give {log: [1e-4, 1e-1]}, {uniform: [0, 0.5]}, {int: [1, 8]} or {choice: [16, 32, 64]}."


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One argument of the model and what it may be: the ends of a range, or the values of a choice."""

    name: str
    kind: Literal["log", "uniform", "int", "choice"]
    values: tuple[Any, ...]

    @property
    def path(self) -> tuple[str, ...]:
        """The argument in the model's `init_args`; more than one name where it is an argument's own."""
        return tuple(part for part in self.name.split(".")[1:] if part != "init_args")

    @property
    def distribution(self) -> BaseDistribution:
        """What a study draws it from."""
        if self.kind == "choice":
            return CategoricalDistribution(list(self.values))
        low, high = self.values
        if self.kind == "int":
            return IntDistribution(low, high)
        return FloatDistribution(low, high, log=self.kind == "log")

    def at(self, place: float) -> Value:
        """Return the value at a place of the range, from 0 to 1."""
        if self.kind == "choice":
            return cast(Value, self.values[int(place * len(self.values))])
        low, high = self.values
        if self.kind == "int":
            return int(low + int(place * (high - low + 1)))
        return float(low * (high / low) ** place if self.kind == "log" else low + place * (high - low))

    def nearest(self, value: Value) -> tuple[Value, ...]:
        """Return the allowed value nearest to one, or nothing where none is near."""
        if self.kind == "choice":
            return (value,) if value in self.values else ()
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ()
        low, high = self.values
        inside = min(max(value, low), high)
        return (round(inside),) if self.kind == "int" else (float(inside),)

    def including(self, value: Value) -> "Hyperparameter":
        """Return the same with one more value, if it is a choice and does not have it."""
        more = self.kind == "choice" and value not in self.values
        return replace(self, values=(*self.values, value)) if more else self

    def __str__(self) -> str:
        """Return the values in words."""
        if self.kind == "choice":
            return f"one of {', '.join(map(str, self.values))}"
        scale = {"log": ", log scale", "int": ", integers"}.get(self.kind, "")
        return f"{self.values[0]:g} to {self.values[1]:g}{scale}"


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """All hyperparameters that a search varies; usually none.

    Example:
        >>> for found in Hyperparameters.of({"model.lr": {"log": [1e-4, 1e-1]}}):
        ...     print(found.name, found)
        model.lr 0.0001 to 0.1, log scale
    """

    searched: tuple[Hyperparameter, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Hyperparameters":
        """Read `search.parameters`.

        Args:
            given: Argument of the model -> {"log" | "uniform" | "int": [low, high]} or {"choice": [values]}.

        Raises:
            ConfigurationError: An entry is none of these; names it and says what is allowed.
        """
        if not isinstance(given, Mapping):
            raise ConfigurationError(
                f"parameters is {given!r}; it must map arguments of the model to ranges, "
                "such as {model.lr: {log: [1e-4, 1e-1]}}."
            )
        return cls(tuple(_read(name, spec) for name, spec in given.items()))

    def including(self, own: Mapping[str, Value]) -> "Hyperparameters":
        """Return the same with the model's own values among those of choices, so that they can be tried.

        Example:
            >>> searched = Hyperparameters.of({"model.kind": {"choice": ["adam", "sgd"]}})
            >>> [one.values for one in searched.including({"model.kind": "lion"})]
            [('adam', 'sgd', 'lion')]
        """
        known = (one.including(own[one.name]) if one.name in own else one for one in self.searched)
        return Hyperparameters(tuple(known))

    def encode(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the allowed values nearest to some; what has none is left out, for a sampler to fill in."""
        known = (one for one in self.searched if one.name in values)
        return {one.name: near for one in known for near in one.nearest(values[one.name])}

    def spread(self, count: int, seed: int) -> list[dict[str, Value]]:
        """Return settings that divide every range evenly, each in an order of its own (a Latin hypercube)."""
        places = (np.arange(count) + 0.5) / count
        random = np.random.default_rng(seed)
        columns = {one.name: map(one.at, random.permutation(places).tolist()) for one in self.searched}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_dict(self) -> dict[str, dict[str, list[Any]]]:
        """Return plain types, from which `of` makes an equal one."""
        return {one.name: {one.kind: list(one.values)} for one in self.searched}

    def __iter__(self) -> Iterator[Hyperparameter]:
        """Iterate over the hyperparameters."""
        return iter(self.searched)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.searched)


def _read(name: Any, spec: Any) -> Hyperparameter:
    place = f"parameters: {name}"
    parts = name.split(".") if isinstance(name, str) else []
    if len(parts) < 2 or parts[0] != _OWNER or not all(part.isidentifier() for part in parts):
        raise ConfigurationError(
            f"{place} is no argument of the model; write {_OWNER} and its name, such as model.lr."
        )
    if not isinstance(spec, Mapping) or len(spec) != 1:
        raise ConfigurationError(f"{place} is {spec!r}; it must have one kind of range. {_FORM}")
    ((kind, values),) = spec.items()
    if kind not in _KINDS:
        raise ConfigurationError(
            f"{place}: unknown kind {kind!r}; allowed: {', '.join(_KINDS)}.{did_you_mean(kind, _KINDS)}"
        )
    read = _choice if kind == "choice" else _range
    return Hyperparameter(name, kind, read(place, kind, values))


def _choice(place: str, kind: str, values: Any) -> tuple[Any, ...]:
    plain = isinstance(values, list | tuple) and all(
        isinstance(value, str | int | float | None) for value in values
    )
    if not plain or len({(type(value), value) for value in values}) != len(values) or len(values) < 2:
        raise ConfigurationError(
            f"{place}: {kind} is {values!r}; it must list two or more different numbers or words."
        )
    return tuple(values)


def _range(place: str, kind: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple) or len(values) != 2:
        raise ConfigurationError(f"{place}: {kind} is {values!r}; it must be [low, high]. {_FORM}")
    low, high = (_number(place, kind, value) for value in values)
    if not low < high:
        raise ConfigurationError(f"{place}: {kind} is {values!r}; low must be below high.")
    if kind == "log" and low <= 0:
        raise ConfigurationError(
            f"{place}: log is {values!r}; low must be above 0. Use uniform for a range that holds 0."
        )
    return (int(low), int(high)) if kind == "int" else (low, high)


def _number(place: str, kind: str, value: Any) -> float:
    try:  # plain YAML reads 1e-4 as text
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or (kind == "int" and number != int(number)):
        expected = "an integer" if kind == "int" else "a finite number"
        raise ConfigurationError(f"{place}: {value!r} is not {expected}.")
    return number
