"""Cases of the benchmark of prices: models as users write them, their data, and how long they train."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from autoact.tabular import load_task
from autoact.training.tasks import DigitsData, get_task

Batch = list[Tensor]
WINE = "winequality-white.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model with its data; the loaders have rows as tensors.

    Attributes:
        model: Makes a fresh LightningModule.
        data: What `run_search` takes.
        loaders: Of training and validation rows.
        trainer: Arguments of `lightning.Trainer`.
    """

    model: Callable[[], L.LightningModule]
    data: Any
    loaders: Callable[[], tuple[DataLoader[Any], DataLoader[Any]]]
    trainer: Mapping[str, Any]


class Classifier(L.LightningModule):
    """A classifier of digits as a user writes it: `net` takes (batch, 64), Adam learns."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch, and log it."""
        loss = cross_entropy(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log loss and accuracy."""
        logits = self.net(batch[0])
        self.log("val_loss", cross_entropy(logits, batch[1]))
        self.log("val_acc", (logits.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Block(nn.Module):
    """A transformer block over the eight rows of an image, and a linear map of their mean."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.feedforward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (batch, 10)."""
        x = self.embed(x.reshape(len(x), 8, 8))
        seen = self.first(x)
        x = x + self.attention(seen, seen, seen, need_weights=False)[0]
        x = x + self.feedforward(self.second(x))
        logits: Tensor = self.head(x.mean(1))
        return logits


def mlp() -> Classifier:
    """Return a perceptron with three hidden layers of 32 units."""
    sizes = (64, 32, 32, 32)
    layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
    return Classifier(nn.Sequential(*(part for pair in layers for part in pair), nn.Linear(32, 10)))


def cnn() -> Classifier:
    """Return a small convolutional network with BatchNorm."""

    def layer(before: int, after: int) -> tuple[nn.Module, ...]:
        return nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()

    image, pool = nn.Unflatten(1, (1, 8, 8)), nn.MaxPool2d(2)
    head = nn.Flatten(), nn.Linear(16 * 4 * 4, 10)
    return Classifier(nn.Sequential(image, *layer(1, 8), pool, *layer(8, 16), *head))


def transformer() -> Classifier:
    """Return a classifier with one transformer block of width 32."""
    return Classifier(Block())


def digits() -> Case:
    """Return the task of the demo."""
    task = get_task("digits")
    return Case(model=task.model, data=task.data(), loaders=_loaders, trainer=task.trainer)


def _loaders(batch_size: int = 64) -> tuple[DataLoader[Any], DataLoader[Any]]:
    data = DigitsData(batch_size)
    data.setup()
    return data.train_dataloader(), data.val_dataloader()


def of_digits(model: Callable[[], Classifier], epochs: int) -> Case:
    """Return a user's model on digits."""
    trainer = {"max_epochs": epochs, "accelerator": "cpu"}
    return Case(model=model, data=DigitsData(), loaders=_loaders, trainer=trainer)


def wine(folder: Path) -> Case:
    """Return wine quality as `autoact search --data` takes it.

    Args:
        folder: Where `winequality-white.csv` is.
    """
    task = load_task(folder / WINE, "-1")
    first, second, *_ = task.data
    return Case(model=task.model, data=task.data, loaders=lambda: (first, second), trainer=task.trainer)


CASES: Mapping[str, Callable[[], Case]] = {
    "digits": digits,
    "MLP": lambda: of_digits(mlp, 10),
    "CNN": lambda: of_digits(cnn, 5),
    "transformer": lambda: of_digits(transformer, 5),
}
