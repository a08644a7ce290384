"""Channels that each activation of a model sees, counted on what an example input brings there."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoact.conversion.probing._probes import Input
from autoact.errors import ConversionError


@dataclass(frozen=True, slots=True)
class Seen:
    """Channels of an activation's input, and the dimension they run along."""

    channels: int | None
    channel_dim: int


def channels(seen: Mapping[str, set[Input]]) -> dict[str, Seen]:
    """Return the channels of each activation.

    Args:
        seen: What reached each, by path.

    Raises:
        ConversionError: An activation that was not reached, or that sees different numbers of channels.
    """
    return {path: _only(path, set(map(_channels, inputs))) for path, inputs in seen.items()}


def _channels(given: Input) -> Seen:
    if len(given.shape) < 2:
        raise ConversionError(f"A choice per channel needs a batch of inputs; got shape {given.shape}.")
    dim = -1 if given.features_last and len(given.shape) != 2 else 1
    return Seen(given.shape[dim], dim)


def _only(path: str, seen: set[Seen]) -> Seen:
    if len(seen) == 1:
        return next(iter(seen))
    if not seen:
        raise ConversionError(
            f"The example input does not reach {path!r}; keep it by a rule, or give another one."
        )
    counts = " and ".join(str(s.channels) for s in sorted(seen, key=lambda s: s.channels or 0))
    raise ConversionError(f"{path!r} is called with {counts} channels; give each call its own module.")
