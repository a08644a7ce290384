"""Choices: one activation with the values of its parameters, and how that is written for people."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import nn

from autoact.activations import Activation, Named, Parameter, Value, from_module, get
from autoact.errors import ConfigurationError


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """An activation and its settings: what a layer uses, as pure data.

    Parameters that are not given take their defaults, so equal choices are the same function.

    Args:
        activation: Anything that `autoact.get` takes; becomes the registered name.
        parameters: Value by parameter name; a tuple holds one value per channel.
        **values: The same as keywords.

    Raises:
        UnknownActivationError: No such activation.
        ConfigurationError: No such parameter, one given twice, or a value out of its bounds.

    Example:
        >>> Choice("elu", alpha=0.7)
        Choice('elu', alpha=0.7)
        >>> Choice("ELU") == Choice("elu", {"alpha": 1})
        True
    """

    activation: str
    parameters: Mapping[str, Value]

    def __init__(
        self, activation: Named, parameters: Mapping[str, Any] | None = None, /, **values: Any
    ) -> None:
        act = get(activation)
        self._set(act.name, _complete(act, _together(act, parameters, values)))

    def _set(self, activation: str, parameters: dict[str, Value]) -> None:
        object.__setattr__(self, "activation", activation)
        object.__setattr__(self, "parameters", MappingProxyType(parameters))

    @classmethod
    def of(cls, given: "Choice | Named") -> "Choice":
        """Return a choice however it was given: itself, a name, torch's class, a module with its settings.

        A text may also be what `str` writes, such as elu(alpha=0.7).

        Raises:
            UnknownActivationError: No such activation.
            ConfigurationError: As of `parse`.

        Example:
            >>> from torch import nn
            >>> Choice.of(nn.LeakyReLU(0.2)), Choice.of("tanh")
            (Choice('leaky_relu', negative_slope=0.2), Choice('tanh'))
        """
        if isinstance(given, Choice):
            return given
        if isinstance(given, str) and "(" in given:
            return cls.parse(given)
        named = from_module(given) if isinstance(given, nn.Module) else None
        return cls(*named) if named else cls(given)

    @classmethod
    def unregistered(cls, activation: str, parameters: Mapping[str, Any] | None = None) -> "Choice":
        """Return a choice of an activation that this process need not know, to tell what a record holds.

        Name and values are not checked; applying it raises UnknownActivationError.

        Args:
            activation: The name.
            parameters: Value by parameter name; a list or tuple holds one value per channel.

        Example:
            >>> print(Choice.unregistered("my_own", {"beta": 2.0}))
            my_own(beta=2)
        """
        choice = object.__new__(cls)  # the constructor looks the activation up
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in (parameters or {}).items()}
        choice._set(activation, values)
        return choice

    @property
    def channels(self) -> int | None:
        """Number of channels of per-channel parameters; None if every value is one number."""
        return next((len(value) for value in self.parameters.values() if isinstance(value, tuple)), None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types: {"activation": ..., "parameters": {...}}."""
        values = {name: list(v) if isinstance(v, tuple) else v for name, v in self.parameters.items()}
        return {"activation": self.activation, "parameters": values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Choice":
        """Build a choice from what `to_dict` returned."""
        return cls(data["activation"], data.get("parameters") or {})

    @classmethod
    def parse(cls, text: str) -> "Choice":
        """Read what `str` wrote: numbers to 4 digits. Exact values travel as `to_dict` or YAML.

        Raises:
            UnknownActivationError: No such activation.
            ConfigurationError: Not a name with values in parentheses, or one value per channel, of which
                `str` tells mean and range only.

        Example:
            >>> Choice.parse("elu(alpha=0.7)"), Choice.parse("relu")
            (Choice('elu', alpha=0.7), Choice('relu'))
        """
        name, opened, rest = text.partition("(")
        if not opened:
            return cls(name)
        if "[" in rest:
            raise ConfigurationError(
                f"{text!r} has values per channel, of which this tells mean and range. Save the assignment."
            )
        try:
            pairs = (each.split("=") for each in rest.strip().removesuffix(")").split(","))
            values = {key.strip(): float(value) for key, value in pairs}
        except ValueError as error:
            raise ConfigurationError(f"{text!r} is no choice; write it like elu(alpha=0.7).") from error
        act = get(name)
        for p in act.parameters:
            if p.name in values:  # what `str` rounded across a bound is that bound
                inside = min(max(values[p.name], p.lower), p.upper)
                values[p.name] = inside if _short(inside) == _short(values[p.name]) else values[p.name]
        return cls(act, **values)

    def __hash__(self) -> int:
        """Hash by value."""
        return hash((self.activation, tuple(self.parameters.items())))

    def __reduce__(self) -> tuple[type["Choice"], tuple[str, dict[str, Value]]]:
        """Pickle and copy by value."""
        return Choice, (self.activation, dict(self.parameters))

    def __repr__(self) -> str:
        """Return the call that makes it."""
        values = (f", {name}={value!r}" for name, value in self.parameters.items())
        return f"Choice({self.activation!r}{''.join(values)})"

    def __str__(self) -> str:
        """Return elu(alpha=0.7), shortened for people: 4 digits; values per channel as mean and range."""
        shown = ", ".join(f"{name}={_short(value)}" for name, value in self.parameters.items())
        return f"{self.activation}({shown})" if shown else self.activation


def _short(value: Value) -> str:
    if isinstance(value, tuple):
        mean, low, high = map(_short, (math.fsum(value) / len(value), min(value), max(value)))
        return f"{mean} [{low} to {high}, {len(value)} channels]"
    return f"{value + 0.0:.4g}"


def _together(act: Activation, given: Any, values: dict[str, Any]) -> Mapping[str, Any]:
    """Return parameters from a mapping and from keywords."""
    if given is None:
        return values
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"Parameters of {act.name} are a mapping of name to value, or keywords; got {given!r}."
        )
    if twice := sorted(set(given) & set(values)):
        raise ConfigurationError(f"{act.name}.{twice[0]} is given twice; remove one.")
    return {**given, **values}


def _complete(act: Activation, given: Mapping[str, Any]) -> dict[str, Value]:
    """Return every parameter of the activation, the given values checked, in the activation's order."""
    for name in given:
        act.parameter(name)
    values = {p.name: _checked(act, p, given.get(p.name, p.default)) for p in act.parameters}
    lengths = {name: len(value) for name, value in values.items() if isinstance(value, tuple)}
    if len(set(lengths.values())) > 1:
        raise ConfigurationError(f"Per-channel parameters of {act.name} differ in length: {lengths}.")
    return values


def _checked(act: Activation, parameter: Parameter, value: Any) -> Value:
    if isinstance(value, list | tuple):
        if not value:
            raise ConfigurationError(f"{act.name}.{parameter.name} needs at least one value; got {value!r}.")
        numbers = tuple(_number(act, parameter, item) for item in value)
        return numbers if len(numbers) > 1 else numbers[0]
    return _number(act, parameter, value)


def _number(act: Activation, parameter: Parameter, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigurationError(f"{act.name}.{parameter.name} is a finite number; got {value!r}.")
    parameter.check(value, f"{act.name}.{parameter.name}")
    return float(value)
