"""Module and data of the searches that are harmed: a training takes 20 ms."""

import os
import sys
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from scripts.harm.traps import FITS, STEP, arm_worker

arm_worker()  # a worker imports this module to train it


class Curve(L.LightningModule):
    """Fit a curve with two hidden layers; its steps can be trapped, its trainings are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 1), nn.Flatten(0)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the curve."""
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss."""
        if batch_idx == 0 and FITS in os.environ:
            with Path(os.environ[FITS]).open("a") as file:
                file.write(f"{os.getpid()}\n")
        sys.audit(STEP)
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the loss."""
        self.log("val_loss", self._loss(batch))

    def _loss(self, batch: Any) -> Tensor:
        x, y = batch
        return nn.functional.mse_loss(self(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Points(L.LightningDataModule):
    """Points of a curve: 96 to train on, 32 each to validate and to test."""

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the training data."""
        return _loader(96, 0, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation data."""
        return _loader(32, 1)

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test data."""
        return _loader(32, 2)


def _loader(rows: int, seed: int, shuffle: bool = False) -> DataLoader[Any]:
    x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed))
    return DataLoader(
        TensorDataset(x, torch.sin(2 * x[:, 0]) + x[:, 1].abs()), batch_size=32, shuffle=shuffle
    )
