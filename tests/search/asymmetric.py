"""The asymmetric task: evidence adds up where it is positive and saturates at -a where it is negative."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

POINTS, BATCH, EPOCHS = 1024, 128, 60
CANDIDATES = ["relu", "leaky_relu", "elu", "silu", "tanh", "softplus"]
TRAINER: dict[str, Any] = {"max_epochs": EPOCHS, "check_val_every_n_epoch": 5, "accelerator": "cpu"}


def target(t: Tensor, a: float) -> Tensor:
    """Return t for t >= 0 and a(exp(t) - 1) below."""
    return torch.where(t >= 0, t, a * torch.expm1(t.clamp(max=0.0)))


class AsymmetricData(L.LightningDataModule):
    """Points of N(0, 1) and their targets, without noise; other points to validate and to test."""

    def __init__(self, a: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(11)
        self.points = [torch.randn(POINTS, generator=generator) for _ in range(3)]
        self.parts = [TensorDataset(t[:, None], target(t, a)) for t in self.points]

    def train_dataloader(self) -> DataLoader[Any]:
        return self._batches(RandomSampler(self.parts[0]), BATCH)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._batches(SequentialSampler(self.parts[1]), POINTS, 1)

    def test_dataloader(self) -> DataLoader[Any]:
        return self._batches(SequentialSampler(self.parts[2]), POINTS, 2)

    def _batches(self, rows: Any, size: int, part: int = 0) -> DataLoader[Any]:
        return DataLoader(
            self.parts[part], sampler=BatchSampler(rows, size, drop_last=False), batch_size=None
        )


class OneNeuron(L.LightningModule):
    """One ReLU unit whose output is the answer: its scale is fixed, so that alpha cannot hide in it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Flatten(0))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._error(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_mse", self._error(batch))

    def _error(self, batch: Any) -> Tensor:
        x, y = batch
        return nn.functional.mse_loss(self(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=2e-2)
