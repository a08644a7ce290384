"""Modules and data as Lightning users write them, one habit each."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def tensors(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :1] * x[:, 1:]).sin()


def loader(rows: int, seed: int = 0, **settings: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors(rows, seed)), batch_size=16, **settings)


def missing(rows: int, seed: int = 0, **settings: Any) -> DataLoader[Any]:
    """Return a loader in which every third target is missing."""
    x, y = tensors(rows, seed)
    y[::3] = float("nan")
    return DataLoader(TensorDataset(x, y), batch_size=16, **settings)


def loaders() -> tuple[DataLoader[Any], DataLoader[Any], DataLoader[Any]]:
    return loader(64, shuffle=True), loader(16, seed=1), loader(16, seed=2)


def layers() -> Any:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))


class Plain(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = layers()

    def step(self, batch: Any) -> Tensor:
        return F.mse_loss(self.net(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.step(batch)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.step(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class LaterLayers(Plain):
    """Makes its layers in setup, whatever the stage, from what Trainer and data say."""

    def __init__(self) -> None:
        L.LightningModule.__init__(self)

    def setup(self, stage: str) -> None:
        assert self.trainer.max_epochs == 2
        self.net = layers()


class CompiledInSetup(Plain):
    def setup(self, stage: str) -> None:
        self.net = torch.compile(self.net, backend="eager")


class Manual(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        optimizer: Any = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.step(batch))
        optimizer.step()


class Masked(Plain):
    """Leaves out targets that are missing."""

    def step(self, batch: Any) -> Tensor:
        known = ~batch[1].isnan()
        return (self.net(batch[0]) - batch[1])[known].square().mean()


class OnlyReLU(Plain):
    """Looks at its own activation."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        assert isinstance(self.net[1], nn.ReLU), "no ReLU"
        return self.step(batch)


class TrainerInSetup(L.LightningDataModule):
    """Asks the Trainer how many processes there are."""

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.rows = 64 // self.trainer.world_size

    def train_dataloader(self) -> Any:
        return loader(self.rows, shuffle=True)

    def val_dataloader(self) -> Any:
        return loader(16, seed=1)

    def test_dataloader(self) -> Any:
        return loader(16, seed=2)


class TwoValidations(TrainerInSetup):
    def val_dataloader(self) -> Any:
        return [loader(16, seed=1), loader(16, seed=3)]


class TwoTests(TrainerInSetup):
    def test_dataloader(self) -> Any:
        return {"near": loader(16, seed=2), "far": loader(16, seed=3)}
