"""A user's module, data and folder, written without a thought of autoact."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

MODULE = """
import lightning as L
import torch
from torch import nn

class Model(L.LightningModule):
    def __init__(self, width: int, lr: float = 1e-3, head: nn.Module | None = None):
        super().__init__()
        self.width, self.lr, self.head = width, lr, head

class Data(L.LightningDataModule):
    def __init__(self, batch_size: int = 4):
        super().__init__()
        self.batch_size = batch_size

class Broken(L.LightningModule):
    def __init__(self):
        raise RuntimeError("no such file: weights.bin")
"""

CONFIGURATION = """\
model:
  class_path: {module}.Model
  init_args:
    width: 8
    lr: 1e-4
data: {module}.Data
trainer:
  max_epochs: 3
space: [relu, tanh]
search:
  monitor: val_loss
  budget: 5
"""


@pytest.fixture
def user_folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return a folder with a module of a fresh name and config.yaml."""
    import sys

    module = f"user_{abs(hash(request.node.name))}"
    (tmp_path / f"{module}.py").write_text(MODULE)
    (tmp_path / "config.yaml").write_text(CONFIGURATION.format(module=module))
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop(module, None)


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


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def module() -> type[L.LightningModule]:
    return Regression


@pytest.fixture(params=[Regression, Hyper, Late, InSetup], ids=lambda cls: cls.__name__)
def any_module(request: pytest.FixtureRequest) -> type[L.LightningModule]:
    """Return each way in which users make layers and keep hyperparameters."""
    return request.param


@pytest.fixture
def dataset() -> Callable[..., TensorDataset]:
    return rows


@pytest.fixture
def loader() -> DataLoader[Any]:
    """Return 96 rows in 6 batches, always in the same order."""
    return DataLoader(rows(96), batch_size=16)


@pytest.fixture
def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(rows(96), batch_size=16, shuffle=True), DataLoader(rows(32, seed=1), batch_size=16)


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., L.Trainer]:
    """Return a function that makes a Trainer which writes nothing outside of the test's directory."""

    def make(*callbacks: L.Callback, **settings: Any) -> L.Trainer:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 2,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": tmp_path,
        }
        return L.Trainer(**{**defaults, **settings}, callbacks=list(callbacks))

    return make
