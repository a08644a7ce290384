"""Modules and data as users write them, for searches in tests; importable by worker processes."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from autoact.conversion import find_layers
from autoact.search.setup import Variables
from autoact.spaces import SearchSpace

ROWS, BATCH, EPOCHS = 96, 32, 2
STEPS = EPOCHS * ROWS // BATCH  # of one full training
TRAINER: dict[str, Any] = {"max_epochs": EPOCHS, "accelerator": "cpu"}
OBJECTIVE: dict[str, Any] = {  # of a small search of a function
    "space": ["relu", "tanh", "elu"],
    "layers": ["a"],
    "mode": "min",
    "budget": 3,
    "seeds": 2,
    "selection_seeds": 1,
    "quiet": True,
}
SMALLEST: dict[str, Any] = {  # settings of a search that trains as little as one can
    "space": ["relu", "tanh"],
    "budget": 2,
    "seeds": 2,
    "selection_seeds": 1,
    "trainer": TRAINER,
    "quiet": True,
}


def network(*activations: nn.Module, head: Sequence[nn.Module] = ()) -> nn.Module:
    """Return a model with the activations at net.1, net.3, ... and head.1, head.3, ..."""

    def stack(modules: Sequence[nn.Module]) -> nn.Sequential:
        return nn.Sequential(*(layer for module in modules for layer in (nn.Linear(3, 3), module)))

    model = nn.Sequential()
    model.add_module("net", stack(activations))
    model.add_module("head", stack(head))
    return model


def variables(model: nn.Module, space: SearchSpace) -> Variables:
    """Return the variables of a model in a space."""
    return Variables.of(find_layers(model, space))


class Curve(L.LightningModule):
    """Fit a curve with two hidden layers."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.net = nn.Sequential(
            nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self._loss(batch))

    def _loss(self, batch: Any) -> Tensor:
        x, y = batch
        return nn.functional.mse_loss(self(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class Watched(Curve):
    """Write down every training and every optimizer step; end the process at one training if asked to.

    Args:
        log: File that gets one line per event.
        stop_at: Number of the training, from 1, during which `how` happens; 0 for none.
        how: "kill" (as kill -9), "interrupt" (as Ctrl-C), "terminate" (SIGTERM), or "hold": it never ends.
    """

    def __init__(self, log: str, stop_at: int = 0, how: str = "kill", lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.log_file, self.stop_at, self.how = Path(log), stop_at, how

    def write(self, event: str) -> None:
        with self.log_file.open("a") as file:
            file.write(event + "\n")

    def on_fit_start(self) -> None:
        self.write("fit")

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        self.write("step")

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if batch_idx != 1 or not self.stop_at:
            return
        begun = self.log_file.read_text().count("fit\n")
        while self.how == "hold" and begun >= self.stop_at:  # of two workers, each may come to see it
            time.sleep(0.1)
        if begun == self.stop_at:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "interrupt":
                raise KeyboardInterrupt
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, "nobody would end but the process"
            signal.raise_signal(signal.SIGTERM)


class Diverging(Curve):
    """A model whose loss is not finite with some activation in its first layer, or raises an error there."""

    def __init__(self, activation: str = "Tanh", how: str = "nan", lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.activation, self.how = activation, how

    def _loss(self, batch: Any) -> Tensor:
        loss = super()._loss(batch)
        if type(self.net[1]).__name__ not in self.activation.split():
            return loss
        if self.how == "raise":
            raise RuntimeError("no memory left\nfor this")
        return loss * float("nan")


class CurveData(L.LightningDataModule):
    """96 points to train on, 32 each to validate and to test; notes when the test data are read.

    Args:
        log: File that gets a line per reading of the test data, saying whether `choice` exists by then.
        choice: A file.
    """

    def __init__(self, log: str | None = None, choice: str | None = None) -> None:
        super().__init__()
        self.log_file, self.choice = log, choice

    def loader(self, rows: int, seed: int, shuffle: bool = False) -> DataLoader[Any]:
        x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed))
        data = TensorDataset(x, torch.sin(2 * x[:, 0]) + x[:, 1].abs())
        return DataLoader(data, batch_size=BATCH, shuffle=shuffle)

    def train_dataloader(self) -> DataLoader[Any]:
        return self.loader(ROWS, 0, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader(32, 1)

    def test_dataloader(self) -> DataLoader[Any]:
        if self.log_file is not None and self.choice is not None:
            with Path(self.log_file).open("a") as file:
                file.write(f"test {Path(self.choice).exists()}\n")
        return self.loader(32, 2)


SEARCH: dict[str, Any] = {
    "space": ["relu", "tanh", "elu"],
    "budget": 6,
    "seeds": 3,
    "selection_seeds": 1,
    "trainer": TRAINER,
    "quiet": True,
}
