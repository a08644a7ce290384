"""First step: what runs in it and is no layer is told, once, with its line."""

import logging
from typing import Any

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from autoact import ActivationSearch
from autoact.training.fit import silent_trainer

LOGGER = "lightning.pytorch.utilities.rank_zero"
TABLE = {"silu": F.silu}


class Regressor(L.LightningModule):
    """Computes by a table, and by a gate that is left alone for another reason."""

    def __init__(self, table: bool = True):
        super().__init__()
        self.a, self.b, self.act, self.table = nn.Linear(2, 4), nn.Linear(4, 1), nn.ReLU(), table

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.a(x))
        x = x * torch.sigmoid(x)
        return self.b(TABLE["silu"](x) if self.table else x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return F.mse_loss(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.01)


@pytest.fixture(autouse=True)
def _heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("lightning.pytorch"), "propagate", True)


def told(module: L.LightningModule, caplog: pytest.LogCaptureFixture) -> list[str]:
    data = DataLoader(TensorDataset(torch.randn(8, 2), torch.randn(8, 1)), batch_size=4)
    settings = {"max_epochs": 1, "accelerator": "cpu"}
    trainer = silent_trainer(settings, callbacks=[ActivationSearch(["relu", "tanh"])])
    with caplog.at_level(logging.INFO, LOGGER):
        trainer.fit(module, data)
    return [message for message in caplog.messages if "not searched" in message]


def test_what_the_first_step_runs_and_no_layer_computes_is_told_once(caplog):
    (message,) = told(Regressor(), caplog)
    assert "forward: runs silu (test_first_step.py, line " in message
    assert "sigmoid" not in message


def test_nothing_is_told_where_everything_is_known(caplog):
    assert told(Regressor(table=False), caplog) == []
