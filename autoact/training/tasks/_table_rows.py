"""Tables that need no file: numbers in three parts, split in the same way every time, and their batches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from autoact.errors import needs

LARGEST = 5.0  # standardized inputs beyond are cut: single wild rows would decide between trainings
Numbers = NDArray[np.float64]
Examples = tuple[Tensor, Tensor]  # x, y


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A table of numbers in three parts: x is (rows, inputs); y int64 classes or float32 numbers, (rows,)."""

    training: Examples
    selection: Examples
    comparison: Examples


def three_parts(inputs: Numbers, target: Tensor, training: int) -> Rows:
    """Split rows, always in the same way, and bring each input to mean 0 and s.d. 1 on the training rows.

    Args:
        inputs: (rows, inputs).
        target: (rows,).
        training: Rows to train on; of the others, one half selects, one compares.

    Example:
        >>> rows = three_parts(np.arange(8.0)[:, None], torch.arange(8), 4)
        >>> len(rows.training[0]), len(rows.selection[0]), len(rows.comparison[0])
        (4, 2, 2)
    """
    x = torch.from_numpy(inputs).float()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    rest = len(x) - training
    parts = order.split([training, rest // 2, rest - rest // 2])
    mean, spread = x[parts[0]].mean(0), x[parts[0]].std(0)
    x = ((x - mean) / torch.where(spread > 0, spread, 1.0)).clamp(-LARGEST, LARGEST)
    first, second, third = ((x[rows], target[rows]) for rows in parts)
    return Rows(training=first, selection=second, comparison=third)


def standardized(target: Numbers) -> Tensor:
    """Return numbers with mean 0 and s.d. 1."""
    return torch.from_numpy((target - target.mean()) / target.std()).float()


@cache  # every training makes its data module anew
def cancer() -> Rows:
    """Give 569 breast tumors, malignant or not: 300 to train, 134 to select, 135 to compare."""
    with needs("scikit-learn", "The task cancer", module="sklearn"):
        from sklearn.datasets import load_breast_cancer
    bunch = load_breast_cancer()
    return three_parts(bunch.data, torch.from_numpy(bunch.target).long(), 300)


@cache
def diabetes() -> Rows:
    """Give scikit-learn's 442 diabetes patients: 242 to train, 100 to select, 100 to compare."""
    with needs("scikit-learn", "The task diabetes", module="sklearn"):
        from sklearn.datasets import load_diabetes
    bunch = load_diabetes()
    return three_parts(bunch.data, standardized(bunch.target), 242)


@cache
def friedman() -> Rows:
    """Give Friedman's first function, noise of s.d. 1: 1,500 to train, 1,000 each to select and compare."""
    with needs("scikit-learn", "The task friedman", module="sklearn"):
        from sklearn.datasets import make_friedman1
    inputs, target = make_friedman1(n_samples=3500, n_features=10, noise=1.0, random_state=0)
    return three_parts(inputs, standardized(target), 1500)


@cache
def clusters() -> Rows:
    """Give 8 clusters in 10 of 20 inputs, 4 classes: 1,500 to train, 1,000 each to select and compare."""
    with needs("scikit-learn", "The task clusters", module="sklearn"):
        from sklearn.datasets import make_classification
    inputs, target = make_classification(
        n_samples=3500, n_features=20, n_informative=10, n_classes=4, flip_y=0.05, random_state=0
    )
    return three_parts(inputs, torch.from_numpy(target).long(), 1500)


@cache
def spirals() -> Rows:
    """Give two noisy arms of one and a half turns: 600 to train, 1,000 to select, 1,000 to compare."""
    draw = np.random.default_rng(0)
    arm = draw.integers(0, 2, size=2600)
    length = np.sqrt(draw.random(2600))
    angle = 3 * np.pi * length + np.pi * arm
    points = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return three_parts(points + draw.normal(0, 0.05, points.shape), torch.from_numpy(arm).long(), 600)


class RowsData(L.LightningDataModule):
    """Batches of a table for a `Perceptron` without folds; selection rows validate, comparison rows test.

    Args:
        rows: Gives the table.
        batch_size: Rows of a training step.
    """

    def __init__(self, rows: Callable[[], Rows], batch_size: int) -> None:
        super().__init__()
        self.rows, self.batch_size = rows, batch_size

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return shuffled batches to train on."""
        return DataLoader(_of_all(self.rows().training), batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the selection rows."""
        return DataLoader(_of_all(self.rows().selection), batch_size=1024)

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the comparison rows."""
        return DataLoader(_of_all(self.rows().comparison), batch_size=1024)


def _of_all(part: Examples) -> TensorDataset:
    """Return rows that belong to all folds."""
    x, y = part
    return TensorDataset(x, y, torch.full((len(x),), -1))
