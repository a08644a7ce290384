"""A stack of one is an ordinary module in a bare loop, and ends as a plain training does."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from autoact import Assignment
from autoact.training import Member
from autoact.training.stack import _stacked_training
from tests.training.stack.strangers import LENGTH, Images, Table, check_equal, images, table


class Scheduled(Table):
    def __init__(self) -> None:
        super().__init__()
        self.net.insert(2, nn.Dropout(0.2))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)]


@pytest.mark.parametrize(
    ("make", "data", "path", "trainer"),
    [
        (Table, table, "net.3", {"gradient_clip_val": 0.05}),
        (Table, table, "net.3", {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"}),
        (Scheduled, table, "net.4", {"max_epochs": 3}),
        (Images, images, "net.2", {}),
    ],
    ids=["norm", "value", "dropout and schedule", "batch norm"],
)
@pytest.mark.parametrize("name", ["tanh", "prelu"])
def test_one_network_ends_as_a_plain_training(
    make: type[Table], data: Callable[[], Any], path: str, trainer: dict[str, Any], name: str
) -> None:
    member = Member(assignment=Assignment({path: name}), seed=4, comparison=True)
    check_equal(make, data(), [member], {**LENGTH, **trainer})


def test_one_network_runs_without_vmap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stacked_training, "Networks", lambda *_: pytest.fail("made a stack"))
    check_equal(Table, table(), [Member(assignment=None, seed=1)])
