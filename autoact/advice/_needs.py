"""Needs of a problem that are known before any data: the options of `autoact advise`."""

import math
from dataclasses import dataclass

from autoact.errors import ConfigurationError

SIDES = ("left", "right", "both")
OUTPUTS = ("nonnegative", "bounded", "unbounded")
_MOST_DERIVATIVES = 8
_PHYSICS = 2  # derivatives that a differential equation's loss takes, if nobody says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a problem asks of activations.

    Args:
        derivatives: Continuous derivatives that must exist, 0 to 8.
        output: "nonnegative", "bounded" or "unbounded" values.
        range: (low, high) that values must stay in; either may be infinite.
        saturates: Where the response levels off: "left", "right" or "both" sides.
        periodic: Whether the signal repeats.
        depth: Number of layers that have no normalization between them.
        physics: Whether the loss differentiates the network; two derivatives unless `derivatives` says more.

    Raises:
        ConfigurationError: A value that is not allowed, or two that exclude each other.

    Example:
        >>> Needs(physics=True).required_derivatives, Needs(physics=True, derivatives=4).required_derivatives
        (2, 4)
    """

    derivatives: int | None = None
    output: str | None = None
    range: tuple[float, float] | None = None
    saturates: str | None = None
    periodic: bool = False
    depth: int | None = None
    physics: bool = False

    def __post_init__(self) -> None:
        """Check every value, and what contradicts."""
        if self.derivatives is not None and not 0 <= self.derivatives <= _MOST_DERIVATIVES:
            raise ConfigurationError(
                f"derivatives counts continuous ones, 0 to {_MOST_DERIVATIVES}; got {self.derivatives}. "
                f"Smooth functions have all of them: ask for {_MOST_DERIVATIVES}."
            )
        if self.output not in (None, *OUTPUTS):
            raise ConfigurationError(f"output is one of {', '.join(OUTPUTS)}; got {self.output!r}.")
        if self.saturates not in (None, *SIDES):
            raise ConfigurationError(f"saturates is one of {', '.join(SIDES)}; got {self.saturates!r}.")
        if self.depth is not None and not 1 <= self.depth <= 100_000:
            raise ConfigurationError(f"depth counts layers, 1 to 100000; got {self.depth}.")
        self._check_range()
        self._check_contradictions()

    def _check_range(self) -> None:
        if self.range is not None and not self.range[0] < self.range[1]:
            low, high = self.range
            raise ConfigurationError(
                f"range is LOW:HIGH with LOW < HIGH, such as 0:1 or 0:inf; got {low:g}:{high:g}."
            )

    def _check_contradictions(self) -> None:
        if self.output == "unbounded" and self.bounded:
            raise ConfigurationError(
                "output: unbounded contradicts a finite range and saturation on both sides; drop one of them."
            )
        if self.periodic and self.saturates:
            raise ConfigurationError(
                "a periodic signal does not saturate: give periodic or saturates, not both."
            )

    @property
    def _finite_range(self) -> bool:
        return self.range is not None and all(math.isfinite(end) for end in self.range)

    @property
    def bounded(self) -> bool:
        """Whether values must stay bounded."""
        return self.output == "bounded" or self.saturates == "both" or self._finite_range

    @property
    def nonnegative(self) -> bool:
        """Whether values must not be negative."""
        return self.output == "nonnegative" or (self.range is not None and self.range[0] >= 0)

    @property
    def required_derivatives(self) -> int | None:
        """Continuous derivatives that must exist; None if nothing is said."""
        return max(self.derivatives or 0, _PHYSICS) if self.physics else self.derivatives


def read_range(text: str) -> tuple[float, float]:
    """Read LOW:HIGH.

    Args:
        text: Such as 0:1 or -inf:0.

    Returns:
        Both ends.

    Raises:
        ConfigurationError: Anything else.

    Example:
        >>> read_range("0:inf")
        (0.0, inf)
    """
    low, colon, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if not colon or any(math.isnan(end) for end in ends):
        raise ConfigurationError(f"--range {text!r} is no range; write LOW:HIGH, such as 0:1, -1:1 or 0:inf.")
    return ends
