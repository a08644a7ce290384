"""Cases of the census: a model and what it takes; a few modules of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Case:
    """One model of the census.

    Attributes:
        package: That it comes from.
        name: Of the model.
        make: Makes it, with random weights.
        inputs: Makes what it takes: a tensor, a tuple of arguments or a mapping of keywords.
    """

    package: str
    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[], Any]


def image(size: int = 32, channels: int = 3, batch: int = 2) -> Tensor:
    """Return random inputs."""
    return torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))


def volume(size: int = 32, channels: int = 1) -> Tensor:
    """Return random inputs."""
    return torch.randn(1, channels, size, size, size, generator=torch.Generator().manual_seed(0))


class _Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.act = nn.Linear(4, 8), nn.Linear(8, 2), nn.ReLU()


class Plain(_Own):
    """A module, and a call in the source."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        return self.b(F.gelu(self.act(self.a(x))))


class Branches(_Own):
    """One activation in two branches."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        x = self.a(x)
        if self.training:
            return self.b(self.act(F.dropout(x, 0.1)))
        return self.b(self.act(x))


class Tables(_Own):
    """Activations in a list, fetched by name, and as a formula; one that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.unused = [F.elu], nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        x = self.held[0](self.act(self.a(x)))
        return self.b(getattr(F, "silu")(x).clamp(min=0))  # noqa: B009


def _formula(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


class Formula(_Own):
    """A function by formula."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        return self.b(_formula(self.a(x)))


SHORT = [
    Case("own", kind.__name__, kind, lambda: torch.randn(3, 4)) for kind in (Plain, Branches, Tables, Formula)
]
