"""Plain twin of a stack: one network, trained by itself as anybody would write it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from autoact.spaces import Choice
from autoact.training.tasks import Rows
from scripts.benchmarks.networks._perceptrons import perceptron
from scripts.benchmarks.networks._regime import Regime


def train_one(
    sizes: Sequence[int], assignment: Sequence[str | Choice], seed: int, rows: Rows, regime: Regime
) -> tuple[list[float], float]:
    """Train one network; return its losses on selection rows by `Regime.measured`, and on comparison rows.

    Where the regime averages weights, those with them follow: losses of selection rows have one more at the
    end, and that on comparison rows is theirs.

    Example:
        >>> x, y = torch.randn(64, 3), torch.randn(64)
        >>> regime = Regime(epochs=2, batch_size=16, lr=1e-3, measured=(2,))
        >>> rows = Rows(training=(x, y), selection=(x, y), comparison=(x, y))
        >>> selection, comparison = train_one((3, 8, 1), ("relu",), 0, rows, regime)
        >>> selection == [comparison]
        True
    """
    return train_network(perceptron(sizes, assignment, seed), seed, rows, regime)


def train_network(network: nn.Module, seed: int, rows: Rows, regime: Regime) -> tuple[list[float], float]:
    """Train a network that is there; as `train_one`.

    Args:
        network: Takes (rows, inputs).
        seed: Of the order of the rows.
        rows: The data.
        regime: How it is trained.
    """
    x, y = rows.training
    optimizer, schedule = regime.optimizer(network, len(x))
    average = regime.average(network, len(x))
    selection = []
    for epoch, batches in enumerate(regime.batches(len(x), seed), start=1):
        for batch in batches:
            optimizer.zero_grad()
            _loss(network, (x[batch], y[batch])).backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
            if average is not None:
                average.update_parameters(network)
        if epoch in regime.measured:
            selection.append(_measured(network, rows.selection))
    if average is None:
        return selection, _measured(network, rows.comparison)
    return [*selection, _measured(average, rows.selection)], _measured(average, rows.comparison)


def _loss(network: nn.Module, part: tuple[Tensor, Tensor]) -> Tensor:
    x, y = part
    said = network(x)
    return mse_loss(said.squeeze(-1), y) if y.is_floating_point() else cross_entropy(said, y)


@torch.no_grad()
def _measured(network: nn.Module, part: tuple[Tensor, Tensor]) -> float:
    network.eval()
    loss = float(_loss(network, part))
    network.train()
    return loss
