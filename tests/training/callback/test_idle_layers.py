"""Idle layers: the callback ends by naming layers that nothing ever reached."""

import warnings
from collections.abc import Callable
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from autoact import auto_layers
from autoact.training import ActivationSearch

TABLE = {"silu": nn.SiLU()}


class Tabled(L.LightningModule):
    """Calls the activation of a table; the attribute is there for information."""

    def __init__(self, *, used: bool = False) -> None:
        super().__init__()
        self.used = used
        self.a, self.b = nn.LazyLinear(4), nn.LazyLinear(1)
        self.act, self.other, self.train_only, self.eval_only = TABLE["silu"], nn.ReLU(), nn.ELU(), nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        h = TABLE["silu"](self.a(x.flatten(1)))
        if self.used:
            h = self.train_only(h) if self.training else self.eval_only(h)
        return self.b(h)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self(batch[0]).square().mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 0.01)


def _ready(loader: DataLoader[Any], *, used: bool) -> Tabled:
    model = Tabled(used=used)
    model(next(iter(loader))[0])
    return model


@pytest.mark.parametrize(
    ("used", "named"), [(False, "act, other, train_only, eval_only"), (True, "act, other")]
)
def test_layers_that_nothing_reached_are_named(
    loader: DataLoader[Any], make_trainer: Callable[..., L.Trainer], used: bool, named: str
) -> None:
    model, search = _ready(loader, used=used), ActivationSearch(["relu", "tanh"])
    with pytest.warns(UserWarning, match=f"Nothing was ever observed at {named}:"):
        make_trainer(search).fit(model, loader, loader)
    assert all(bool(layer.observed) == used for layer in list(auto_layers(model).values())[2:])


def test_nothing_is_said_of_layers_that_run_in_evaluation_only(
    loader: DataLoader[Any], make_trainer: Callable[..., L.Trainer]
) -> None:
    model = _ready(loader, used=True)
    del model.act, model.other
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Nothing was ever")
        make_trainer(ActivationSearch(["relu", "tanh"])).fit(model, loader, loader)
