"""Designs that learn weights and logits by one gradient step each: on the same rows, or on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from autoact import AutoActivation
from autoact.training.callback import Schedule
from scripts.benchmarks.designs._mixtures import Mixed, loss_of, network, optimizers, searched, steps
from scripts.benchmarks.designs._readouts import READOUTS, by_weight
from scripts.benchmarks.designs._relaxations import softmax
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.tables import Array
from scripts.benchmarks.tables.tasks import TableTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Scores by read-out, (L, K) or (K_1, ..., K_L), and what they cost in full trainings."""

    scores: Mapping[str, Array]
    cost: float


Design = Callable[[TableTask, Rows, int], Outcome]


def joint(
    layer: Callable[[TableTask], nn.Module],
    release: tuple[float, float] | None = None,
    readouts: tuple[str, ...] = ("weights",),
) -> Design:
    """Learn weights and logits on the same batches.

    Args:
        layer: Makes a searched activation.
        release: Shares of the training between which an anchored start gives way to the mixture.
        readouts: Names in `READOUTS`.
    """
    schedule = Schedule(release=release)

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: layer(task))
        both = optimizers(model, task, rows)
        for number, (progress, x, y) in enumerate(steps(task, rows, seed)):
            advance(model, schedule, progress)
            for optimizer in both:
                optimizer.zero_grad()
            loss_of(model(x), y).backward()
            for optimizer in both:
                optimizer.step()
            if number % 10 == 0:
                observe(model, x)
        return Outcome(scores={name: READOUTS[name](model) for name in readouts}, cost=1.0)

    return design


def advance(model: nn.Module, schedule: Schedule, progress: float) -> None:
    """Move every searched layer along its schedule."""
    release = schedule.release_at(progress)
    for layer in searched(model):
        if isinstance(layer, Mixed):
            layer.progress = progress
        elif release is not None:
            layer.release.fill_(release)


@torch.no_grad()
def observe(model: nn.Module, x: Tensor) -> None:
    """Let the package's layers see their pre-activations."""
    for module in model.children():
        if isinstance(module, AutoActivation):
            module.observe(x)
        x = module(x)


def by_selection(standardized: bool) -> Design:
    """Learn weights on the training rows and logits on the selection rows, by turns."""

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: Mixed(task.candidates, softmax, standardized))
        weights, structure = optimizers(model, task, rows)
        x_all, y_all = rows.selection
        draw = torch.Generator().manual_seed(seed)
        for _, x, y in steps(task, rows, seed):
            batch = torch.randint(len(x_all), (len(x),), generator=draw)
            for optimizer, part in ((structure, (x_all[batch], y_all[batch])), (weights, (x, y))):
                optimizer.zero_grad()
                loss_of(model(part[0]), part[1]).backward()
                optimizer.step()
        return Outcome(scores={"weights": by_weight(model)}, cost=2.0)

    return design
