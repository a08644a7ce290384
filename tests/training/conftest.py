"""A user's module, data and folder, written without a thought of autoact."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from tests.training.models import Hyper, InSetup, Late, Regression, rows

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


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def module() -> type[L.LightningModule]:
    return Regression


@pytest.fixture(params=["Regression", "Hyper", "Late", "InSetup"])
def any_module(request: pytest.FixtureRequest) -> type[L.LightningModule]:
    """Return each way in which users make layers and keep hyperparameters."""
    return {"Regression": Regression, "Hyper": Hyper, "Late": Late, "InSetup": InSetup}[request.param]


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
