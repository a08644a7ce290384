"""Memory of a search and of its workers, from one training to thousands: it has to be flat.

    python scripts/benchmarks/load/memory.py [--trainings 2000] [--workers 2] [--stack N] [--short]

A training takes some milliseconds. Resident megabytes after a tenth, half, nine tenths and all of the
trainings, and what each leaves behind from the first quarter on. Linux only: /proc tells.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from optuna.samplers import RandomSampler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search import run_search
from scripts import terminal

MOST = 0.1  # megabytes that a training may leave behind; its entries in ledger and study are 0.01
_EACH = 0.25  # seconds between two looks
_MEGABYTE = 1000.0  # kilobytes, in which the system tells memory
Taken = dict[str, list[tuple[int, float]]]  # by process: trainings that were done, megabytes


class Curve(L.LightningModule):
    """Fit a curve with three hidden layers."""

    def __init__(self) -> None:
        super().__init__()
        hidden = (layer for _ in range(3) for layer in (nn.Linear(4, 4), nn.ReLU()))
        self.net = nn.Sequential(*hidden, nn.Linear(4, 1), nn.Flatten(0))

    def _loss(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """Return the loss."""
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the loss."""
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters())


class Points(L.LightningDataModule):
    """Thirty-two points of a curve."""

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the points."""
        x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
        return DataLoader(TensorDataset(x, x.sin().sum(1)), batch_size=16)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the same points."""
        return self.train_dataloader()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each process; 1 where the memory of one grows."""
    parser = terminal.parser(__doc__, short="80 trainings: shows that it runs")
    parser.add_argument("--trainings", type=int, default=2000, help="trials of the search")
    parser.add_argument("--workers", type=int, default=2, help="processes that train")
    parser.add_argument("--stack", type=int, help="trainings done as one; none by default")
    options = parser.parse_args(arguments)
    taken = watched(80 if options.short else options.trainings, options.workers, options.stack or "off")
    print(*terminal.machine().values(), sep=", ")
    head = (
        "process",
        "trainings by then",
        "MB after a tenth",
        "half",
        "nine tenths",
        "all",
        "KB per training",
    )
    print(terminal.markdown(head, [row(name, points) for name, points in taken.items()]))
    return int(not options.short and any(growth(points) > MOST for points in taken.values()))


def watched(trainings: int, workers: int, stack: Literal["off"] | int) -> Taken:
    """Return what memory a search and its workers take."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        with looking(lambda: lines(run / "trainings.jsonl")) as taken:
            run_search(
                Curve,
                Points,
                out=run,
                budget=trainings,
                workers=workers,
                stack=stack,
                sampler=RandomSampler(seed=0),
                space=["relu", "tanh", "elu", "gelu", "silu", "softplus", "sin", "hardswish"],
                trainer={"max_epochs": 1, "accelerator": "cpu"},
                seeds=2,
                selection_seeds=1,
                quiet=True,
            )
    return {name: points for name, points in taken.items() if len(points) > 8}


@contextmanager
def looking(done: Callable[[], int]) -> Iterator[Taken]:
    """Note the memory of this process and of those that it has started, now and then."""
    taken, over = defaultdict[str, list[tuple[int, float]]](list), threading.Event()

    def look() -> None:
        while not over.wait(_EACH):
            count = done()
            for name, megabytes in resident():
                taken[name].append((count, megabytes))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


def resident() -> Iterator[tuple[str, float]]:
    """Give the memory of this process and of its workers, in megabytes."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            own, parent = int(folder.name) == os.getpid(), int(told["PPid"]) == os.getpid()
            if own or (parent and "VmRSS" in told and told["Name"].strip() != "sh"):
                name = "search" if own else f"worker {folder.name}"
                yield name, int(told["VmRSS"].split()[0]) / _MEGABYTE


def lines(file: Path) -> int:
    """Return the lines of a file, 0 where there is none."""
    return file.read_bytes().count(b"\n") if file.exists() else 0


def row(name: str, points: Sequence[tuple[int, float]]) -> list[str]:
    """Return the cells of a process."""
    last = points[-1][0]
    at = [next(megabytes for done, megabytes in points if done >= last * part) for part in (0.1, 0.5, 0.9, 1)]
    return [name, str(last), *(f"{megabytes:.0f}" for megabytes in at), f"{1000 * growth(points):.1f}"]


def growth(points: Sequence[tuple[int, float]]) -> float:
    """Return the slope of memory in megabytes per training, from the first quarter of the trainings on."""
    done, megabytes = np.array(points).T
    late = done >= done[-1] / 4
    return float(np.polyfit(done[late], megabytes[late], 1)[0]) if np.ptp(done[late]) else 0.0


if __name__ == "__main__":
    sys.exit(main())
