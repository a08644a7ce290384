"""What a problem demands of its activations: derivatives, a bounded range, nonnegative outputs."""

import math
from dataclasses import dataclass

from autoact import analysis
from autoact.activations import Parameter, get
from autoact.errors import ConfigurationError

OUTPUTS = ("nonnegative",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Conditions that every candidate must meet, for every value its learned parameters can take.

    Args:
        smoothness: Number of continuous derivatives, at least.
        bounded: Whether outputs must stay bounded.
        output: "nonnegative" if outputs must never be negative.

    Example:
        >>> Requirements(smoothness=2).violation("relu")
        'relu has 0 continuous derivatives, 2 are required'
    """

    smoothness: int | None = None
    bounded: bool = False
    output: str | None = None

    def __post_init__(self) -> None:
        """Check every setting."""
        count = self.smoothness
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise ConfigurationError(f"smoothness counts derivatives: 0, 1, 2, ...; got {count!r}.")
        if not isinstance(self.bounded, bool):
            raise ConfigurationError(f"bounded is true or false; got {self.bounded!r}.")
        if self.output is not None and self.output not in OUTPUTS:
            raise ConfigurationError(f"output is one of {', '.join(OUTPUTS)}; got {self.output!r}.")

    @property
    def empty(self) -> bool:
        """Whether nothing is required."""
        return self.smoothness is None and not self.bounded and self.output is None

    def violation(self, name: str) -> str | None:
        """Return how a candidate breaks a requirement, or None if it meets them all."""
        if self.smoothness is not None and (found := _least_smoothness(name)) < self.smoothness:
            return f"{name} has {found:g} continuous derivatives, {self.smoothness} are required"
        if self.bounded and (growth := analysis.growth(name)) != "bounded":
            return f"{name} is not bounded (growth: {growth})"
        if self.output == "nonnegative" and (low := _least_value(name)) < -1e-6:
            return f"{name} has negative outputs (down to {low:.3g}), nonnegative ones are required"
        return None

    def check(self, candidates: tuple[str, ...]) -> None:
        """Complain about the first candidate that breaks a requirement.

        Raises:
            ConfigurationError: Names the candidate, the fact and the remedy.
        """
        for name in candidates:
            if broken := self.violation(name):
                raise ConfigurationError(
                    f"{broken}. Remove {name!r} from the candidates, or relax `require`."
                )


def _least_smoothness(name: str) -> float:
    """Return the smoothness at the default parameters and at others: learning may leave a smooth point."""
    moved = {p.name: _elsewhere(p) for p in get(name).parameters if p.learnable}
    found = analysis.smoothness(name)
    return min(found, analysis.smoothness(name, **moved)) if moved else found


def _elsewhere(parameter: Parameter) -> float:
    """Return an admissible value that is special for nobody."""
    value = parameter.default * 1.1 + 0.0371
    return value if parameter.lower < value < parameter.upper else parameter.default * 0.9


def _least_value(name: str) -> float:
    """Return the least output on a grid of inputs from -1000 to 1000, dense around 0."""
    import torch

    magnitudes = torch.logspace(-4, 3, 400, dtype=torch.float64)
    grid = torch.cat([-magnitudes.flip(0), torch.zeros(1, dtype=torch.float64), magnitudes])
    value = get(name)(grid).min().item()
    return value if math.isfinite(value) else -math.inf
