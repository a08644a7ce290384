"""Settings of the relaxation: how a mixture of candidates trains; the maths is in autoact.nn."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from autoact.errors import ConfigurationError, did_you_mean

Kind = Literal["softmax", "straight_through", "affine"]
Granularity = Literal["layer", "channel"]
KINDS: tuple[str, ...] = get_args(Kind)
GRANULARITIES: tuple[str, ...] = get_args(Granularity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """Settings of every mixture of a space.

    Args:
        kind: "softmax", "straight_through" or "affine".
        granularity: "layer": one set of weights per layer; "channel": one per channel.
        temperature: Divides the logits; above 0.
        learn_parameters: Whether slopes, alphas and betas are learned with the weights.
        standardize: Whether gradients of the weights are divided by the candidates' standard deviations.

    Raises:
        ConfigurationError: A setting is out of range.

    Example:
        >>> Relaxation(kind="affine").granularity
        'layer'
    """

    kind: Kind = "softmax"
    granularity: Granularity = "layer"
    temperature: float = 1.0
    learn_parameters: bool = True
    standardize: bool = False

    def __post_init__(self) -> None:
        """Check every setting."""
        _option("relaxation", self.kind, KINDS)
        _option("granularity", self.granularity, GRANULARITIES)
        t = self.temperature
        if isinstance(t, bool) or not isinstance(t, int | float) or not 0 < t < math.inf:
            raise ConfigurationError(f"temperature is a number above 0; got {t!r}.")
        for name in ("learn_parameters", "standardize"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(f"{name} is true or false; got {getattr(self, name)!r}.")


def _option(what: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(
            f"{what} is one of {', '.join(allowed)}; got {value!r}.{did_you_mean(value, allowed)}"
        )
