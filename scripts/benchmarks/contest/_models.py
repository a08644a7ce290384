"""Models whose whole training steps are timed."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    """A basic block of ResNet-18."""

    def __init__(self, inside: int, outside: int, stride: int, act: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), act(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside),
        )  # fmt: skip
        self.short = nn.Conv2d(inside, outside, 1, stride, bias=False)
        self.act = act()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block of x."""
        return self.act(self.body(x) + self.short(x))


class Block(nn.Module):
    """A transformer block as in GPT-2."""

    def __init__(self, width: int, act: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), act(), nn.Linear(4 * width, width))
        self.heads = width // 64

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block of x, (N, T, width)."""
        q, k, v = (
            t.unflatten(-1, (self.heads, 64)).transpose(1, 2) for t in self.mixed(self.before(x)).chunk(3, -1)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.out(attended)
        return x + self.mlp(self.between(x))


def models(act: Callable[[], nn.Module], large: bool) -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """Return models and inputs by name; on a CPU with smaller batches, and two of them narrower."""
    widths = [64, 128, 256, 512]
    blocks = [
        Residual(a, b, stride, act)
        for a, b, stride in zip([widths[0], *widths[:-1]], widths, (1, 2, 2, 2), strict=True)
        for a, stride in ((a, stride), (b, 1))
    ]
    stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), act())
    cnn = nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))
    width = 768 if large else 256
    hidden = 4096 if large else 512
    mlp = nn.Sequential(
        nn.Linear(256, hidden), act(), nn.Linear(hidden, hidden), act(), nn.Linear(hidden, 10)
    )
    return {
        "ResNet-18-like": (cnn, torch.randn(256 if large else 4, 3, 32, 32)),
        "GPT-2-like block": (Block(width, act), torch.randn(*((16, 1024) if large else (4, 128)), width)),
        "MLP": (mlp, torch.randn(8192 if large else 256, 256)),
    }


def training_step(model: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    """Return a function that trains a model by one step."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)

    def run() -> None:
        model(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return run
