"""The tasks of the exhaustive tables: real data, a small network, how it is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoact.training.stacked import Regime, Rows

EIGHT = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "softplus", "sin")
FIVE = ("relu", "elu", "silu", "tanh", "sin")
LARGEST = 5.0  # standardised inputs beyond are cut: single wild rows would decide between trainings


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTask:
    """One table's data, network and training.

    Attributes:
        name: Of the table.
        sizes: Numbers per row, units of each hidden layer, outputs.
        candidates: Of every hidden layer.
        regime: How a network is trained.
        load: Returns the rows, given the folder with the CSV files.
        data: What the data are, in words.
    """

    name: str
    sizes: tuple[int, ...]
    candidates: tuple[str, ...]
    regime: Regime
    load: Callable[[Path], Rows]
    data: str

    @property
    def depth(self) -> int:
        """How many activations are chosen."""
        return len(self.sizes) - 2

    def shortened(self) -> "TableTask":
        """Return the task with three candidates and two epochs: to try the script."""
        regime = replace(self.regime, epochs=2, measured=(1, 2))
        return replace(self, candidates=self.candidates[:3], regime=regime)


def digits(_: Path) -> Rows:
    """Give scikit-learn's 1,797 images of 8 x 8 pixels: 900 to train, 448 to select, 449 to compare."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _split(bunch.data, torch.from_numpy(bunch.target).long(), 900)


def wine(folder: Path) -> Rows:
    """Give 4,898 white wines, good (6 or better) or not: 3,000 to train, 949 to select, 949 to compare."""
    table = _wines(folder)
    return _split(table[:, :-1], torch.from_numpy(table[:, -1] >= 6).long(), 3000)


def alcohol(folder: Path) -> Rows:
    """Give the alcohol of 4,898 white wines: 2,000 to train, 1,449 to select, 1,449 to compare."""
    table = _wines(folder)
    return _split(np.delete(table, 10, axis=1), _standardized(table[:, 10]), 2000)


def abalone(folder: Path) -> Rows:
    """Give the rings of 4,177 abalones: 2,000 to train, 1,088 to select, 1,089 to compare."""
    text = np.loadtxt(folder / "abalone.csv", delimiter=",", dtype=str)
    sex = (text[:, :1] == np.array(["M", "F", "I"])).astype(np.float64)
    numbers = text[:, 1:].astype(np.float64)
    return _split(np.hstack([sex, numbers[:, :-1]]), _standardized(numbers[:, -1]), 2000)


def _wines(folder: Path) -> NDArray[np.float64]:
    return np.loadtxt(folder / "winequality-white.csv", delimiter=",")


def _standardized(target: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy((target - target.mean()) / target.std()).float()


def _split(inputs: NDArray[np.float64], target: Tensor, training: int) -> Rows:
    """Split rows, always in the same way, and bring each input to mean 0 and s.d. 1 on the training rows."""
    x = torch.from_numpy(inputs).float()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    rest = len(x) - training
    parts = order.split([training, rest // 2, rest - rest // 2])
    mean, spread = x[parts[0]].mean(0), x[parts[0]].std(0)
    x = ((x - mean) / torch.where(spread > 0, spread, 1.0)).clamp(-LARGEST, LARGEST)
    first, second, third = ((x[rows], target[rows]) for rows in parts)
    return Rows(training=first, selection=second, comparison=third)


def _task(
    name: str,
    load: Callable[[Path], Rows],
    sizes: tuple[int, ...],
    lr: float,
    batch_size: int,
    data: str,
    candidates: tuple[str, ...] = EIGHT,
) -> TableTask:
    regime = Regime(epochs=16, batch_size=batch_size, lr=lr, measured=(2, 4, 8, 16))
    return TableTask(name=name, sizes=sizes, candidates=candidates, regime=regime, load=load, data=data)


WINES = "winequality-white.csv (Cortez et al. 2009)"
TASKS: Mapping[str, TableTask] = {
    task.name: task
    for task in (
        _task("digits", digits, (64, 32, 32, 32, 10), 5e-3, 64, "scikit-learn's digits, 10 classes"),
        _task("wine", wine, (11, 32, 32, 32, 2), 2e-3, 128, f"{WINES}, quality 6 or better: 2 classes"),
        _task("abalone", abalone, (10, 32, 32, 32, 1), 2e-3, 128, "abalone.csv (Nash et al. 1994), rings"),
        _task("alcohol", alcohol, (11, 32, 32, 32, 1), 3e-3, 128, f"{WINES}, alcohol from the rest"),
        _task(
            "digits4", digits, (64, 24, 24, 24, 24, 10), 5e-3, 64, "scikit-learn's digits, 10 classes", FIVE
        ),
    )
}
