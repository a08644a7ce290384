"""Initial parameter values of the candidates of one layer."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from autoact.activations import Parameter, Value, get
from autoact.errors import ConfigurationError, UnknownActivationError, did_you_mean
from autoact.spaces import Bounds, Choice

Settings = Mapping[str, Mapping[str, Any]]


def check_settings(
    candidates: tuple[str, ...], settings: Settings | None, bounds: Bounds
) -> dict[str, dict[str, Value]]:
    """Return the given initial values, checked; candidates without any are left out.

    Raises:
        ConfigurationError: Not a candidate, or not one of its parameters, or out of bounds.
    """
    checked = {}
    for asked, given in (settings or {}).items():
        name = as_candidate(asked, candidates)
        if name not in candidates:
            raise ConfigurationError(
                f"settings name {name!r}, which is not among the candidates "
                f"{', '.join(candidates)}.{did_you_mean(name, candidates)}"
            )
        complete = Choice(name, {**bounds.defaults(name), **given})
        if outside := bounds.violation(complete):
            raise ConfigurationError(f"settings: {outside}.")
        if given:
            checked[name] = {key: complete.parameters[key] for key in given}
    return checked


def as_candidate(name: str, candidates: tuple[str, ...]) -> str:
    """Return the candidate that is meant, such as relu for "ReLU"; the name itself if none is."""
    try:
        found = get(name).name
    except UnknownActivationError:
        return name
    return found if found in candidates else name


def channels_of(settings: Settings, channels: int | None) -> int | None:
    """Return the number of channels that the settings imply, which must be the one that is given.

    Raises:
        ConfigurationError: Two different numbers of channels.
    """
    for name, values in settings.items():
        for key, value in values.items():
            if isinstance(value, tuple):
                if channels not in (None, len(value)):
                    raise ConfigurationError(
                        f"{name}.{key} has {len(value)} values for {channels} channels; give 1 or {channels}."
                    )
                channels = len(value)
    return channels


def check_channels(channels: int | None, channel_dim: int) -> None:
    """Check a number of channels and the dimension that they run along.

    Raises:
        ConfigurationError: No whole numbers, or no channel at all.
    """
    if channels is not None and (type(channels) is not int or channels < 1):
        raise ConfigurationError(f"channels is a whole number of at least 1; got {channels!r}.")
    if type(channel_dim) is not int:
        raise ConfigurationError(f"channel_dim is a whole number, such as 1 or -1; got {channel_dim!r}.")


def check_steps(steps: int | None) -> int | None:
    """Return a number of steps, checked.

    Raises:
        ConfigurationError: No whole number of at least 1, nor None.
    """
    if steps is not None and (type(steps) is not int or steps < 1):
        raise ConfigurationError(
            f"release_steps is a whole number of at least 1, or None; got {steps!r}. None: release is raised "
            "by hand."
        )
    return steps


def initial_values(
    slots: tuple[tuple[str, Parameter], ...], settings: Settings, channels: int | None
) -> Tensor:
    """Return the initial value of every slot: (P,), or (C, P) with channels, in float64."""
    values = [settings.get(name, {}).get(p.name, p.default) for name, p in slots]
    columns = [torch.tensor(value, dtype=torch.float64) for value in values]
    if channels is None:
        return torch.stack(columns) if columns else torch.empty(0, dtype=torch.float64)
    if not columns:
        return torch.empty(channels, 0, dtype=torch.float64)
    return torch.stack([column.expand(channels) for column in columns], -1)
