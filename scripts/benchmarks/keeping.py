"""Kept originals: how far a mixture must move from an activation before its choice is worth taking.

    python scripts/benchmarks/keeping.py [--tables DIR ...] [--data-dir DIR] [--repetitions 8] [--short]
    python scripts/benchmarks/keeping.py --network --data-dir DIR [--repetitions 4]

On search tables: mixtures are trained as `ActivationSearch` does by default from networks of ReLUs. A layer
takes the candidate nearest to what it learned where that differs from ReLU by more than a threshold, in
standard deviations. Printed is the mean regret of this choice less that of ReLU everywhere, by threshold:
negative is better than the original. 0 is the best assignment's regret, 1 the median one's.

--network: a convolutional network on CIFAR-10 images with `ActivationSearch` itself; the original, what its
mixture is nearest to (`derive`) and its `assignment` are then trained anew with other seeds.
"""

import argparse
import logging
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact.training import ActivationSearch
from autoact.training.fit import silent_trainer
from scripts import terminal
from scripts.benchmarks.designs import auto, joint
from scripts.benchmarks.tables import Array, SearchTable
from scripts.benchmarks.tables.tasks import TASKS

ORIGINAL = "relu"
THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
FIRST_SEED = 1000  # the tables' own seeds begin at 0
IMAGES, EPOCHS = 3000, 6


def errors(table: str, repetition: int, data_dir: Path) -> Array:
    """Return how far every candidate is from what each layer of a mixture learned, (L, K) in deviations."""
    design = joint(partial(auto, start=ORIGINAL), (0.0, 0.05), ("projection",))
    task = TASKS[table]
    return -design(task, task.load(data_dir), FIRST_SEED + repetition).scores["projection"]


def taken(far: Array, original: int, threshold: float) -> tuple[int, ...]:
    """Return the candidate of each layer: the nearest where the original is too far away."""
    return tuple(int(row.argmin()) if row[original] > threshold else original for row in far)


def gains(table: SearchTable, data_dir: Path, repetitions: int) -> list[float]:
    """Return the mean regret by threshold, less that of the original everywhere."""
    original = table.candidates[0].index(ORIGINAL)
    found = [errors(table.name, number, data_dir) for number in range(repetitions)]
    own = table.regret((original,) * len(table.layers))
    return [
        float(np.mean([table.regret(taken(far, original, threshold)) for far in found])) - own
        for threshold in THRESHOLDS
    ]


class Network(L.LightningModule):
    """Three convolutions and a linear layer, for images of 32 x 32."""

    def __init__(self, assignment: autoact.Assignment | None = None) -> None:
        super().__init__()
        widths = ((3, 16), (16, 32), (32, 32))
        blocks = [
            (nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)) for before, after in widths
        ]
        flat = [module for block in blocks for module in block]
        self.net = nn.Sequential(*flat, nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10))
        if assignment is not None:
            autoact.apply(self, assignment)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Return the loss of a batch."""
        return cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Log the loss of a batch."""
        self.log("val_loss", cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def images(data_dir: Path) -> tuple[TensorDataset, TensorDataset]:
    """Return images to train and to validate with."""
    with np.load(data_dir / "cifar10_15k.npz") as stored:
        parts = [(stored[f"{part}_images"], stored[f"{part}_labels"]) for part in ("train", "test")]
    scaled = [
        (torch.from_numpy(x).float().permute(0, 3, 1, 2) / 127.5 - 1, torch.from_numpy(y).long())
        for x, y in parts
    ]
    train, validation = (TensorDataset(x[:IMAGES], y[:IMAGES]) for x, y in scaled)
    return train, validation


def fitted(
    data: tuple[TensorDataset, TensorDataset],
    seed: int,
    assignment: autoact.Assignment | None = None,
    *callbacks: L.Callback,
) -> tuple[Network, float]:
    """Train a network; return it and its validation loss."""
    torch.manual_seed(seed)
    model = Network(assignment)
    settings = {"max_epochs": EPOCHS, "accelerator": "cpu", "num_sanity_val_steps": 2}
    trainer = silent_trainer(settings, callbacks=callbacks)
    loaders = DataLoader(data[0], 64, shuffle=True), DataLoader(data[1], 500)
    trainer.fit(model, *loaders)
    return model, float(trainer.callback_metrics["val_loss"])


def compared(data: tuple[TensorDataset, TensorDataset], repetitions: int) -> list[tuple[str, ...]]:
    """Return rows: what each search chose, and the mean difference in loss to the original on fresh seeds."""
    rows: list[tuple[str, ...]] = []
    originals = [fitted(data, 100 + seed)[1] for seed in range(repetitions)]
    for number in range(repetitions):
        search = ActivationSearch()
        model, _ = fitted(data, number, None, search)
        for name, choice in (("derive", autoact.derive(model)), ("assignment", search.assignment)):
            losses = [fitted(data, 100 + seed, choice)[1] for seed in range(repetitions)]
            less = np.array(losses) - np.array(originals)
            rows.append((str(number), name, str(choice), f"{less.mean():+.3f}", f"{less.std(ddof=1):.3f}"))
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def signed(name: str, values: Iterable[float]) -> tuple[str, ...]:
    """Return the row of a table."""
    return name, *(f"{value:+.2f}" for value in values)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="two repetitions on digits")
    folders = [terminal.TABLES, terminal.TABLES / "held_out"]
    parser.add_argument("--tables", type=Path, nargs="+", default=folders, help="folders of search tables")
    parser.add_argument("--data-dir", type=Path, default=Path())
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--network", action="store_true", help="a convolutional network instead of tables")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    if options.network:
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = compared(images(options.data_dir), options.repetitions)
        head = ("search", "read-out", "choice", "val_loss less the original's", "s.d. over seeds")
        print(terminal.markdown(head, rows, "lllrr"))
        return
    files = [path for folder in options.tables for path in sorted(folder.glob("*.npz"))]
    if options.short:
        files, options.repetitions = [terminal.TABLES / "digits.npz"], 2
    rows, by_folder = [], defaultdict[str, list[list[float]]](list)
    for path in files:
        table = SearchTable.load(path)
        found = gains(table, options.data_dir, options.repetitions)
        by_folder[path.parent.name].append(found)
        rows.append(signed(table.name, found))
        print(*rows[-1], file=sys.stderr, flush=True)
    rows += [signed(f"mean, {folder}", np.mean(found, axis=0)) for folder, found in by_folder.items()]
    print(terminal.markdown(("table", *(f"{threshold:g}" for threshold in THRESHOLDS)), rows))


if __name__ == "__main__":
    main()
