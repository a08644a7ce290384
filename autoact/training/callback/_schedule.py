"""Schedule of release and temperature: pure functions of the share of steps done."""

from dataclasses import dataclass

from autoact.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Linear ramps over a training.

    Attributes:
        release: Shares of the training between which the start is released, r going from 0 to 1; None keeps r
            as it is.
        temperature: Temperature at the start and at the end, geometric in between; None keeps it as it is.
    """

    release: tuple[float, float] | None = (0.0, 0.05)
    temperature: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse ramps that run backwards and temperatures that are not positive."""
        if self.release is not None:
            begin, end = self.release
            if not 0 <= begin <= end <= 1:
                raise ConfigurationError(
                    f"release={self.release} must be two shares of the training, 0 <= begin <= end <= 1."
                )
        if self.temperature is not None and min(self.temperature) <= 0:
            raise ConfigurationError(
                f"temperature={self.temperature} must be two positive numbers (begin, end)."
            )

    def release_at(self, progress: float) -> float | None:
        """Return r at a share of the training, None to keep it.

        >>> Schedule(release=(0.0, 0.5)).release_at(0.25)
        0.5
        """
        if self.release is None:
            return None
        begin, end = self.release
        if end <= begin:
            return float(progress >= end)
        return min(max((progress - begin) / (end - begin), 0.0), 1.0)

    def temperature_at(self, progress: float) -> float | None:
        """Return the temperature at a share of the training, None to keep it.

        >>> Schedule(temperature=(4.0, 1.0)).temperature_at(0.5)
        2.0
        """
        if self.temperature is None:
            return None
        begin, end = self.temperature
        return begin * (end / begin) ** min(max(progress, 0.0), 1.0)
