"""One-shot design: shared weights under random assignments, all of which forward passes then score."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from autoact import AutoActivation
from scripts.benchmarks.designs._joint import Design, Outcome
from scripts.benchmarks.designs._mixtures import Mixed, loss_of, network, optimizers, searched, steps
from scripts.benchmarks.designs._relaxations import softmax
from scripts.benchmarks.networks import Rows, losses
from scripts.benchmarks.tables import Array
from scripts.benchmarks.tables.tasks import TableTask

ONE_SHOT_ROWS = 128  # selection rows that score an assignment by a forward pass


def one_shot(standardized: bool) -> Design:
    """Train shared weights under a random assignment per step, then score all of them by forward passes.

    An assignment's score is its loss on `ONE_SHOT_ROWS` selection rows, sign changed.
    """

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: Mixed(task.candidates, softmax, standardized))
        weights, _ = optimizers(model, task, rows)
        layers, draw = searched(model), np.random.default_rng(seed)
        for _, x, y in steps(task, rows, seed):
            fix(layers, draw.integers(len(task.candidates), size=task.depth))
            weights.zero_grad()
            loss_of(model(x), y).backward()
            weights.step()
        return Outcome(
            scores={"loss": forward_scores(model, task, rows)}, cost=1.0 + forward_cost(task, rows)
        )

    return design


def fix(layers: list[AutoActivation | Mixed], assignment: Iterable[int]) -> None:
    """Give each layer one candidate."""
    for layer, choice in zip(layers, assignment, strict=True):
        layer.relax = partial(_one_hot, choice)


def _one_hot(choice: int, logits: Tensor, progress: float) -> Tensor:
    return torch.eye(len(logits))[choice]


@torch.no_grad()
def forward_scores(model: nn.Sequential, task: TableTask, rows: Rows) -> Array:
    """Return minus the loss of every assignment under the shared weights, (K_1, ..., K_L).

    What assignments have in common in their first layers is computed once.
    """
    x, y = (part[:ONE_SHOT_ROWS] for part in rows.selection)
    reached = x[None]  # (assignments so far, rows, units)
    for module in model:
        if isinstance(module, Mixed):
            reached = torch.stack([_alone(module, k, reached) for k in range(len(task.candidates))], dim=1)
            reached = reached.flatten(0, 1)
        else:
            reached = module(reached)
    return -losses(reached, y[None]).double().numpy().reshape((len(task.candidates),) * task.depth)


def _alone(layer: Mixed, choice: int, x: Tensor) -> Tensor:
    fix([layer], [choice])
    return layer(x)


def forward_cost(task: TableTask, rows: Rows) -> float:
    """Return what these forward passes cost in full trainings; a step on a row counts as three passes."""
    count = len(task.candidates)
    passes = sum(count**depth for depth in range(1, task.depth + 1)) / task.depth * ONE_SHOT_ROWS
    return passes / (3.0 * task.regime.epochs * len(rows.training[0]))
