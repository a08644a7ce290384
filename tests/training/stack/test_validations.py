"""Values logged in a stack have Lightning's meaning, whether validated at once or network by network."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from autoact.training import split
from tests.training.stack.strangers import LENGTH, Accuracy, Table, check_equal, members, table

pytestmark = pytest.mark.slow


class Logs(Table):
    """Every way to log a number."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.log("train_loss", loss)
        self.log("train_mean", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log_dict({"both": loss, "constant": 3.0}, on_step=True, on_epoch=True)
        self.log("largest", loss, on_epoch=True, on_step=False, reduce_fx="max")
        return {"loss": loss, "logits": self(batch[0]).detach()}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = self.loss(batch)
        self.log("val_loss", loss, prog_bar=True)
        self.log("val_sum", loss, reduce_fx=torch.sum)
        self.log("val_min", loss, reduce_fx=min)
        self.log("val_weighted", loss, batch_size=batch_idx + 1)
        self.log("val_both", loss, on_step=True, on_epoch=True)
        self.log("val_number", batch_idx)


@pytest.mark.parametrize("monitor", ["val_loss", "val_both_epoch", "val_weighted", "val_sum"])
def test_values_are_logged_with_the_meaning_of_lightning(monitor: str) -> None:
    check_equal(Logs, table(), members(Logs)[:2], monitor=monitor)


def test_values_of_a_training_that_ends_within_an_epoch_are_logged() -> None:
    check_equal(Logs, table(), members(Logs)[:2], {**LENGTH, "max_steps": 4})


class Short(Table):
    """Steps without the number of the batch."""

    def training_step(self, batch: Any) -> Any:  # type: ignore[override]  # Lightning takes both
        return self.loss(batch)

    def validation_step(self, batch: Any) -> None:  # type: ignore[override]
        self.log("val_loss", self.loss(batch))


def test_steps_may_leave_the_number_of_the_batch_out() -> None:
    check_equal(Short, table(), members(Short)[:2])


class Several(Table):
    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.loss(batch) * (1 + dataloader_idx))


def test_several_validation_loaders_have_their_own_names() -> None:
    rows = TensorDataset(torch.randn(32, 6), torch.randint(0, 4, (32,)))
    two = [DataLoader(rows, 8), DataLoader(rows, 5)]
    data = split((DataLoader(rows, 8, shuffle=True), two, two))
    check_equal(Several, data, members(Several)[:3], monitor="val_loss/dataloader_idx_1")


def test_a_metric_is_validated_network_by_network() -> None:
    check_equal(Accuracy, table(), members(Accuracy, seeds=(1, 2)), monitor="val_acc")


class Collected(Table):
    """Validation with hooks and a list of its own."""

    def on_validation_epoch_start(self) -> None:
        self.losses: list[Tensor] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.losses.append(self.loss(batch))

    def on_validation_epoch_end(self) -> None:
        self.log("val_loss", torch.stack(self.losses).median())


class Listed(Table):
    """Validation that keeps what it saw, without a hook."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.seen.append(self.loss(batch).item())
        self.log("val_loss", self.seen[-1])


@pytest.mark.parametrize("module", [Collected, Listed])
def test_validation_with_side_effects_runs_network_by_network(module: type[Table]) -> None:
    check_equal(module, table(), members(module)[:3], {**LENGTH, "val_check_interval": 1})
