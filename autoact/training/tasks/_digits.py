"""Digits task: scikit-learn's handwritten digits and a small network that names them."""

from functools import cache

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from autoact.errors import needs

Batch = tuple[Tensor, ...]


class DigitsModel(L.LightningModule):
    """Three hidden layers of ReLU units that name the digit in an 8 x 8 image."""

    def __init__(self, width: int = 64, lr: float = 2e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.net = nn.Sequential(
            nn.Linear(64, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return one logit per digit, (batch, 10)."""
        return self.net(images)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the cross entropy of one batch."""
        images, digits = batch
        return cross_entropy(self(images), digits)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log loss and accuracy."""
        self._log("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Log loss and accuracy."""
        self._log("test", batch)

    def _log(self, stage: str, batch: Batch) -> None:
        images, digits = batch
        logits = self(images)
        accuracy = (logits.argmax(1) == digits).float().mean()
        self.log_dict({f"{stage}_loss": cross_entropy(logits, digits), f"{stage}_acc": accuracy})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class DigitsData(L.LightningDataModule):
    """scikit-learn's 1,797 handwritten digits: 1,077 to train, 360 to validate and 360 to test."""

    def __init__(self, batch_size: int = 64) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.parts: dict[str, TensorDataset] = {}

    def setup(self, stage: str | None = None) -> None:
        """Load the digits once and split them, always in the same way."""
        if self.parts:
            return
        images, digits = _load_digits()
        order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
        for part, rows in zip(
            ("val", "test", "train"), order.split([360, 360, len(digits) - 720]), strict=True
        ):
            self.parts[part] = TensorDataset(images[rows], digits[rows])

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return shuffled batches to train on."""
        return DataLoader(self.parts["train"], batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the validation part in one batch."""
        return DataLoader(self.parts["val"], batch_size=360)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return the test part in one batch."""
        return DataLoader(self.parts["test"], batch_size=360)


@cache  # every training makes its data module anew
def _load_digits() -> Batch:
    """Return images scaled to mean 0 and s.d. 1 over all pixels, (1797, 64), and labels, (1797,)."""
    with needs("scikit-learn", "The digits task", module="sklearn"):
        from sklearn.datasets import load_digits
    bunch = load_digits()
    pixels = torch.from_numpy(bunch.data).float()
    return (pixels - pixels.mean()) / pixels.std(), torch.from_numpy(bunch.target).long()
