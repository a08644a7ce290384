"""Where trainings may pause: the fidelities of a search."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

_SHARES = (Fraction(1, 12), Fraction(1, 4), Fraction(1, 2))
_LEAST_STEPS = 20  # of a short training: with fewer, starting it costs more than doing it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """Where a training may pause.

    Attributes:
        fractions: Shares of a full training, ascending; the last is 1.
        carry: Whether a training that goes on keeps what it has learned; False pays for its start again.
    """

    fractions: tuple[float, ...] = (1.0,)
    carry: bool = True

    @classmethod
    def of(cls, epochs: int, steps: float, every: int = 1, *, carry: bool = True) -> "Rungs":
        """Return the rungs of a training: about 1/12, 1/4 and 1/2 of it, at epochs that are validated.

        Args:
            epochs: Epochs of a full training; 0 where they are not what ends it.
            steps: Its optimizer steps.
            every: Epochs from one validation to the next.
            carry: Whether its state can be kept.

        Example:
            >>> Rungs.of(epochs=20, steps=340).fractions
            (0.1, 0.25, 0.5, 1.0)
            >>> Rungs.of(epochs=1, steps=10_000).fractions
            (1.0,)
        """
        if epochs < 2 or not steps < float("inf"):
            return cls(carry=carry)
        least = _LEAST_STEPS * epochs / steps
        wanted = [max(round(share * epochs / every), 1) * every for share in _SHARES]
        kept = sorted({epoch for epoch in wanted if least <= epoch < epochs})
        return cls(fractions=(*(epoch / epochs for epoch in kept), 1.0), carry=carry)

    def longer_than(self, share: float) -> "Rungs":
        """Return the rungs without those that end before a share of the training."""
        return replace(self, fractions=tuple(f for f in self.fractions if f >= min(share, 1.0)))

    @classmethod
    def of_function(cls) -> "Rungs":
        """Return the rungs of a user's function, which can take any fraction and keeps nothing."""
        return cls(fractions=(*map(float, _SHARES), 1.0), carry=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, from which `Rungs(**...)` makes an equal one."""
        return {"fractions": list(self.fractions), "carry": self.carry}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> "Rungs":
        """Read what `to_dict` returned; a run of an earlier version had full trainings only."""
        return cls() if data is None else cls(fractions=tuple(data["fractions"]), carry=bool(data["carry"]))
