"""Modules and data as users write them, without a thought of autoact."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

LENGTH: dict[str, Any] = {"max_epochs": 3, "accelerator": "cpu"}


class Regression(L.LightningModule):
    """Two hidden layers of ReLU; Adam with weight decay; written without a thought of autoact."""

    def __init__(self, width: int = 8, schedule: str = "none") -> None:
        super().__init__()
        self.schedule = schedule
        self.net: Any = layers(width)

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        return nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=1e-2, weight_decay=1e-2)
        if self.schedule == "lambda":
            return [optimizer], [torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)]
        if self.schedule == "one cycle":
            total = int(self.trainer.estimated_stepping_batches)
            scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=total)
            return [optimizer], [{"scheduler": scheduler, "interval": "step"}]
        return optimizer


class Hyper(Regression):
    """The same, with saved hyperparameters."""

    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.save_hyperparameters()


class OneObject(Regression):
    """The same, made from one object of settings."""

    def __init__(self, config: dict[str, int]) -> None:
        super().__init__(config["width"])
        self.save_hyperparameters(config)


class Late(Regression):
    """The same, with layers made in configure_model."""

    def __init__(self) -> None:
        super().__init__()
        self.net = None

    def configure_model(self) -> None:
        self.net = layers() if self.net is None else self.net


class InSetup(Regression):
    """The same, with layers made in setup."""

    def __init__(self) -> None:
        super().__init__()
        self.net = None

    def setup(self, stage: str) -> None:
        self.net = layers() if self.net is None else self.net


def layers(width: int = 8) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    )


def rows(count: int, seed: int = 0) -> TensorDataset:
    """Return rows of y = sin(x1 + x2 - x3)."""
    x = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, torch.sin(x[:, :1] + x[:, 1:2] - x[:, 2:]))


def load(data: Any, *settings: Any, **more: Any) -> DataLoader[Any]:
    """Return a loader over anything with a length and items."""
    return DataLoader(data, *settings, **more)
