"""Regime of a small network's training: the same rows, batches, loss and optimizer alone and in a stack."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """Adam with a constant learning rate, so that a short training begins a long one, or with one that falls.

    Attributes:
        epochs: Of a full training.
        batch_size: Rows per step; the rest of an epoch's rows is left out.
        lr: Learning rate of Adam.
        measured: Epochs after which the loss on other rows is measured, ascending; the last is `epochs`.
        decays: Whether the rate falls to 0 as a half cosine over all steps.
        averaged: Steps over which weights are averaged exponentially, as a share of all; None: they are not.
    """

    epochs: int
    batch_size: int
    lr: float
    measured: tuple[int, ...]
    decays: bool = False
    averaged: float | None = None

    def __post_init__(self) -> None:
        """Refuse measurements that are out of order or do not end with the training."""
        if list(self.measured) != sorted(set(self.measured)) or self.measured[-1] != self.epochs:
            raise ValueError(f"measured={self.measured} must ascend and end with epochs={self.epochs}")

    def batches(self, rows: int, seed: int) -> Iterator[Tensor]:
        """Yield the row numbers of one epoch after another, (steps per epoch, batch_size) each."""
        generator = torch.Generator().manual_seed(seed)
        steps = rows // self.batch_size
        for _ in range(self.epochs):
            order = torch.randperm(rows, generator=generator)
            yield order[: steps * self.batch_size].reshape(steps, self.batch_size)

    def steps(self, rows: int) -> int:
        """Return the steps of a full training."""
        return self.epochs * (rows // self.batch_size)

    def optimizer(
        self, network: nn.Module, rows: int, fused: bool = False
    ) -> tuple[Adam, LRScheduler | None]:
        """Return Adam, and the schedule to step after each of its steps, if there is one."""
        made = Adam(network.parameters(), lr=self.lr, fused=fused)
        return made, CosineAnnealingLR(made, self.steps(rows)) if self.decays else None

    def average(self, network: nn.Module, rows: int) -> AveragedModel | None:
        """Return the network that averages another's weights, if they are averaged."""
        if self.averaged is None:
            return None
        kept = 1 - 1 / max(1.0, self.averaged * self.steps(rows))
        return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(kept))


def losses(said: Tensor, y: Tensor) -> Tensor:
    """Return the mean loss of each network, (N,): cross entropy of classes, squared error of numbers.

    Args:
        said: (N, rows, outputs).
        y: (N, rows), or (1, rows) if all networks see the same rows.

    Example:
        >>> losses(torch.zeros(1, 2, 10), torch.tensor([[3, 4]])).exp()
        tensor([10.])
    """
    y = y.expand(said.shape[:2])
    if y.is_floating_point():
        return (said.squeeze(-1) - y).square().mean(1)
    return cross_entropy(said.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(1)


@torch.no_grad()
def measured_losses(
    network: Callable[[Tensor], Tensor], part: tuple[Tensor, Tensor], networks: int
) -> Tensor:
    """Return the loss of each network on a part of the rows, (N,); in pieces that stay in the cache."""
    total = torch.zeros(networks)
    for x, y in zip(part[0].split(128), part[1].split(128), strict=True):
        total += losses(network(x.expand(networks, *x.shape)), y[None]) * len(y)
    return total / len(part[1])
