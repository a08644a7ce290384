"""Arms of the results: how each is trained on a task; all start from the same weights by seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import autoact
from autoact.spaces import Choice
from scripts.benchmarks.networks import Rows, perceptron, train_network, train_stack
from scripts.benchmarks.tables.tasks import TableTask

ORIGINAL = "relu"
MIXTURE = "trained mixture"
SEARCHED = "searched"
BUDGET, SEEDS = 20, 10


def fixed_arms() -> tuple[str, ...]:
    """Return every activation that comes with autoact; in all layers it is an arm of its own."""
    return tuple(n for n in autoact.list_activations() if autoact.get(n).family not in ("test", "example"))


def stack_values(
    task: TableTask, rows: Rows, arms: Sequence[Sequence[str | Choice]], seed: int
) -> list[tuple[float, float]]:
    """Return the losses on selection and comparison rows of networks trained side by side.

    Args:
        task: Network and training.
        rows: Data.
        arms: For each network, an activation per hidden layer.
        seed: Of weights and batches.
    """
    found = train_stack(task.sizes, arms, seed, rows, task.regime)
    return list(zip(found.selection[:, -1].tolist(), found.comparison.tolist(), strict=True))


def mixture_value(task: TableTask, rows: Rows, seed: int) -> tuple[float, float]:
    """Return the losses of a network whose layers are mixtures of the task's candidates, as they are shipped.

    Args:
        task: Network and training.
        rows: Data.
        seed: Of weights and batches.
    """
    network = perceptron(task.sizes, [ORIGINAL] * task.depth, seed)
    layers = [
        autoact.AutoActivation(task.candidates, start=ORIGINAL) if isinstance(layer, nn.ReLU) else layer
        for layer in network
    ]
    selection, comparison = train_network(nn.Sequential(*layers), seed, rows, task.regime)
    return selection[-1], comparison


class _Module(L.LightningModule):
    def __init__(self, task: TableTask) -> None:
        super().__init__()
        self.lr = task.regime.lr
        seed = int(torch.randint(2**31, ()))  # of the training, which the search has seeded
        self.net = perceptron(task.sizes, [ORIGINAL] * task.depth, seed)

    def _loss(self, batch: Sequence[Tensor]) -> Tensor:
        said, y = self.net(batch[0]), batch[1]
        if y.is_floating_point():
            return nn.functional.mse_loss(said.squeeze(-1), y)
        return nn.functional.cross_entropy(said, y)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        return self._loss(batch)

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Log the loss."""
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def module_of(task: TableTask) -> L.LightningModule:
    """Return a task's network as a LightningModule, with ReLU in all layers."""
    return _Module(task)


def search(task: TableTask, rows: Rows, out: Path, seed: int, budget: int = BUDGET) -> dict[str, Any]:
    """Search the task with ReLU as the original, and return choice, verdict and cost; goes on where it was.

    Args:
        task: Network, candidates and training.
        rows: Training and selection rows search; comparison rows are the search's test data.
        out: Run directory.
        seed: Of the search.
        budget: Trainings of the search.
    """
    size = task.regime.batch_size
    loaders = (
        DataLoader(TensorDataset(*rows.training), size, shuffle=True, drop_last=True),
        *(DataLoader(TensorDataset(*part), 512) for part in (rows.selection, rows.comparison)),
    )
    found = autoact.run_search(
        lambda: _Module(task),
        loaders,
        space=list(task.candidates),
        monitor="val_loss",
        trainer={"max_epochs": task.regime.epochs, "accelerator": "cpu"},
        budget=budget,
        seeds=SEEDS,
        looks=(SEEDS,),
        seed=seed,
        out=out,
        resume=out.exists(),
        quiet=True,
    )
    assert found.verdict is not None
    spent = [training for training in found.trainings if training.phase != "confirmation"]
    return {
        "choice": [choice.to_dict() for choice in found.assignment.values()],
        "verdict": found.verdict,
        "against": {name: [c.difference, *c.ci95] for name, c in found.comparisons.items()},
        "trainings": sum(training.share for training in spent),
        "seconds": sum(training.seconds for training in spent),
    }
