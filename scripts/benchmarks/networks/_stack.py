"""Stack of networks, trained as one model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autoact.spaces import Choice
from autoact.training.tasks import Rows
from scripts.benchmarks.networks._perceptrons import PerceptronStack
from scripts.benchmarks.networks._regime import Regime, losses, measured_losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What N trainings reached.

    Attributes:
        selection: Losses on selection rows along the way, (N, F).
        comparison: Losses on comparison rows at the end, (N,).
        averaged: Losses at the end with averaged weights, on selection and on comparison rows, (N, 2); None
            where none were averaged.
    """

    selection: Tensor
    comparison: Tensor
    averaged: Tensor | None = None


def train_stack(
    sizes: Sequence[int],
    assignments: Sequence[Sequence[str | Choice]],
    seed: int,
    rows: Rows,
    regime: Regime,
) -> Measured:
    """Train one network per assignment, all from one seed, as a single batched model.

    Equal to `train_one` for each of them but for rounding; one that diverges leaves the others alone.

    Args:
        sizes: Numbers per row, units of each hidden layer, outputs.
        assignments: For each network, a choice per hidden layer.
        seed: Decides the initial weights and the order of the rows.
        rows: The data.
        regime: How they are trained.

    Example:
        >>> x, y = torch.randn(64, 3), torch.randint(2, (64,))
        >>> regime = Regime(epochs=2, batch_size=16, lr=1e-3, measured=(1, 2))
        >>> rows = Rows(training=(x, y), selection=(x, y), comparison=(x, y))
        >>> train_stack((3, 8, 2), [("relu",), ("sin",)], 0, rows, regime).selection.shape
        torch.Size([2, 2])
    """
    stack = PerceptronStack(sizes, assignments, [seed] * len(assignments))
    count, (x, y) = len(assignments), rows.training
    optimizer, schedule = regime.optimizer(stack, len(x), fused=True)
    average = regime.average(stack, len(x))
    selection = []
    for epoch, batches in enumerate(regime.batches(len(x), seed), start=1):
        for batch in batches:
            optimizer.zero_grad()
            losses(stack(x[batch].expand(count, -1, -1)), y[batch][None]).sum().backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
            if average is not None:
                average.update_parameters(stack)
        if epoch in regime.measured:
            selection.append(measured_losses(stack, rows.selection, count))
    parts = rows.selection, rows.comparison
    return Measured(
        selection=torch.stack(selection, dim=1),
        comparison=measured_losses(stack, rows.comparison, count),
        averaged=None
        if average is None
        else torch.stack([measured_losses(average, part, count) for part in parts], 1),
    )
