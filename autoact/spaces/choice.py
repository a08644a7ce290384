"""One activation with the values of its parameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from autoact.activations import Activation, Parameter, get
from autoact.errors import ConfigurationError
from autoact.spaces.suggestion import did_you_mean

Value = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """An activation and its settings: what a layer uses, as pure data.

    Parameters that are not given take their defaults, so equal choices are the same function.

    Args:
        activation: A registered name (aliases become the name itself).
        parameters: Value by parameter name; a tuple holds one value per channel.

    Raises:
        UnknownActivationError: No such activation.
        ConfigurationError: No such parameter, or a value out of its bounds.

    Example:
        >>> Choice("elu", {"alpha": 0.7})
        Choice('elu', {'alpha': 0.7})
        >>> Choice("elu") == Choice("elu", {"alpha": 1})
        True
    """

    activation: str
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check names and values, fill in defaults."""
        act = get(self.activation)
        object.__setattr__(self, "activation", act.name)
        object.__setattr__(self, "parameters", MappingProxyType(_complete(act, self.parameters)))

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
        """Read what `str` wrote.

        Raises:
            UnknownActivationError: No such activation.
            ConfigurationError: This is not a name with values in parentheses.

        Example:
            >>> Choice.parse("elu(alpha=0.7)"), Choice.parse("relu")
            (Choice('elu', {'alpha': 0.7}), Choice('relu'))
        """
        name, opened, rest = text.partition("(")
        if not opened:
            return cls(name)
        try:
            pairs = (each.split("=") for each in rest.removesuffix(")").split(", "))
            values = {key: float(value) for key, value in pairs}
        except ValueError as error:
            raise ConfigurationError(f"{text!r} is no choice; write it like elu(alpha=0.7).") from error
        return cls(name, values)

    def __hash__(self) -> int:
        """Hash by value."""
        return hash((self.activation, tuple(self.parameters.items())))

    def __reduce__(self) -> tuple[type["Choice"], tuple[str, dict[str, Value]]]:
        """Pickle and copy by value."""
        return Choice, (self.activation, dict(self.parameters))

    def __repr__(self) -> str:
        """Return the call that makes it."""
        settings = f", {dict(self.parameters)!r}" if self.parameters else ""
        return f"Choice({self.activation!r}{settings})"

    def __str__(self) -> str:
        """Return elu(alpha=0.7), shortened for people."""
        shown = ", ".join(f"{name}={_short(value)}" for name, value in self.parameters.items())
        return f"{self.activation}({shown})" if shown else self.activation


def _short(value: Value) -> str:
    if isinstance(value, tuple):
        return f"{min(value):.4g}..{max(value):.4g} over {len(value)} channels"
    return f"{value:.6g}"


def _complete(act: Activation, given: Mapping[str, Any]) -> dict[str, Value]:
    """Return every parameter of the activation, the given values checked, in the activation's order."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"Parameters of {act.name} are a mapping of name to value; got {given!r}.")
    known = {parameter.name: parameter for parameter in act.parameters}
    for name in given:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise ConfigurationError(
                f"{act.name} has no parameter {name!r}; it has: {allowed}.{did_you_mean(name, known)}"
            )
    values = {name: _checked(act, p, given.get(name, p.default)) for name, p in known.items()}
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
    if not parameter.lower <= value <= parameter.upper:
        raise ConfigurationError(
            f"{act.name}.{parameter.name} lies in [{parameter.lower:g}, {parameter.upper:g}]; got {value!r}."
        )
    return float(value)
