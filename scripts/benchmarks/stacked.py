"""Compare one stack of small networks with the same trainings one by one, and with Lightning's.

    python scripts/benchmarks/stacked.py [--epochs 4] [--repetitions 3] [--stacks 8 64 512]

Everything runs on one thread, in turns; processor time per training, median over repetitions.
"""

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import lightning as L
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoact.training import train
from scripts import terminal
from scripts.benchmarks.networks import Rows, perceptron, train_one, train_stack
from scripts.benchmarks.tables.tasks import TASKS, TableTask

Names = tuple[str, ...]
Way = Callable[[TableTask, list[Names], Rows], None]
SINGLE = 8  # networks that are trained one by one


class Network(L.LightningModule):
    """The table's network as a user of Lightning would write it."""

    def __init__(self, task: TableTask, names: Names) -> None:
        super().__init__()
        self.net, self.rate = perceptron(task.sizes, names, seed=0), task.regime.lr

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        return cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Log the loss on other rows."""
        self.log("val_loss", cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.net.parameters(), lr=self.rate)


def with_lightning(task: TableTask, assignments: list[Names], rows: Rows) -> None:
    """Train each network as a user of the package would."""
    loaders = (
        DataLoader(TensorDataset(*rows.training), task.regime.batch_size, shuffle=True, drop_last=True),
        DataLoader(TensorDataset(*rows.selection), len(rows.selection[0])),
    )
    options = {"max_epochs": task.regime.epochs, "accelerator": "cpu"}
    for names in assignments:
        train(partial(Network, task, names), loaders, seed=0, monitor="val_loss", trainer=options)


def in_a_loop(task: TableTask, assignments: list[Names], rows: Rows) -> None:
    """Train one network after the other in a plain loop."""
    for names in assignments:
        train_one(task.sizes, names, 0, rows, task.regime)


def in_a_stack(task: TableTask, assignments: list[Names], rows: Rows) -> None:
    """Train all networks as one."""
    train_stack(task.sizes, assignments, 0, rows, task.regime)


def seconds_each(way: Way, task: TableTask, assignments: list[Names], rows: Rows) -> float:
    """Return the processor time per training."""
    start = time.process_time()
    way(task, assignments, rows)
    return (time.process_time() - start) / len(assignments)


def main() -> None:
    """Time all ways in turns, and print the medians."""
    parser = terminal.parser(__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--stacks", type=int, nargs="+", default=[8, 64, 512])
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = TASKS["digits"]
    task = replace(task, regime=replace(task.regime, epochs=options.epochs, measured=(options.epochs,)))
    rows = task.load(Path())
    every = list(itertools.product(task.candidates, repeat=task.depth))
    few = every[:: len(every) // SINGLE][:SINGLE]
    ways: dict[str, tuple[Way, list[Names]]] = {
        "Lightning": (with_lightning, few),
        "plain loop": (in_a_loop, few),
    }
    for size in options.stacks:
        ways[f"stack of {size}"] = (in_a_stack, every[:: len(every) // size][:size])
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repetitions):
        for name, (way, assignments) in ways.items():
            measured[name].append(seconds_each(way, task, assignments, rows))
    plain = median(measured["plain loop"])
    times = {name: median(values) for name, values in measured.items()}
    cells = [(name, f"{1000 * one:.1f}", f"{plain / one:.1f}") for name, one in times.items()]
    print(terminal.markdown(("trainings", "ms each", "times as fast as the plain loop"), cells))


if __name__ == "__main__":
    main()
