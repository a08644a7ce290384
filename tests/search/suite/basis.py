"""Basis of the suite's modules: small data, and a module whose training and validation share a loss."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import lightning as L
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

ROWS, BATCH = 48, 16  # to train on; 16 rows each to validate and to test

Make = Callable[[int, Generator], tuple[Tensor, ...]]


def loaders(make: Make, **settings: Any) -> Callable[[], tuple[DataLoader[Any], ...]]:
    """Return a function that makes training, validation and test loaders of tensors."""

    def made() -> tuple[DataLoader[Any], ...]:
        return tuple(loader(make, rows, seed, **settings) for seed, rows in enumerate((ROWS, BATCH, BATCH)))

    return made


def loader(make: Make, rows: int = ROWS, seed: int = 0, **settings: Any) -> DataLoader[Any]:
    """Return a loader of tensors."""
    data = TensorDataset(*make(rows, Generator().manual_seed(seed)))
    return DataLoader(data, **{"batch_size": BATCH, "shuffle": seed == 0, **settings})


def points(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return 4 features and a number."""
    x = torch.randn(rows, 4, generator=generator)
    return x, (x[:, :1] * x[:, 1:2]).sin() + x[:, 2:3].abs()


def classes(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return 4 features and one of 3 classes."""
    x = torch.randn(rows, 4, generator=generator)
    return x, x[:, :3].argmax(1)


def images(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return images of 1 x 8 x 8 with a bright quarter, and which of 4 it is."""
    x = torch.randn(rows, 1, 8, 8, generator=generator) * 0.3
    y = torch.randint(4, (rows,), generator=generator)
    for image, quarter in zip(x, y.tolist(), strict=True):
        image[0, 4 * (quarter // 2) :, 4 * (quarter % 2) :][:4, :4] += 1
    return x, y


def series(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return 12 times of 2 channels, and the mean of the next."""
    start = torch.rand(rows, 1, 2, generator=generator) * 6
    x = torch.sin(start + torch.arange(13.0)[:, None] / 2)
    return x[:, :-1], x[:, -1].mean(1, keepdim=True)


def tokens(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return 8 tokens of 10, and the same in reverse."""
    x = torch.randint(1, 10, (rows, 8), generator=generator)
    return x, x.flip(1)


def mlp(*widths: int, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers with activations between them, at 1, 3, ..."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), act()]
    return nn.Sequential(*layers[:-1])


class Learner(L.LightningModule):
    """Training and validation with one `loss`."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("val_loss", self.loss(batch))

    def loss(self, batch: Any) -> Tensor:
        raise NotImplementedError

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Numbers(Learner):
    """Mean squared error of what forward returns."""

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        return F.mse_loss(self(x), y)


class Regression(Numbers):
    """Two layers and a number."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)
