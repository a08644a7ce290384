"""The speed of a stack is foreseen from a few steps, or refused with the reason."""

from typing import Any

import pytest

from autoact import Assignment
from autoact.training import stack_speed
from autoact.training.stack._speed import Seconds
from tests.training.stack.strangers import Table, table


def test_costs_of_a_whole_training_follow_from_a_few_steps() -> None:
    costs = Seconds(steps=[5.0, 1.0, 1.0], validations=[2.0, 2.5], total=20.0)
    assert costs.of_training(steps=100, validations=10) == pytest.approx(8.5 + 100 + 20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "length",
    [{"max_epochs": 50}, {"max_steps": 40}, {"max_epochs": 20, "check_val_every_n_epoch": 5}],
    ids=str,
)
def test_many_small_networks_are_faster_in_a_stack(length: dict[str, Any]) -> None:
    assignments = [Assignment({"net.1": name, "net.3": name}) for name in ("relu", "tanh")]
    trainer = {"accelerator": "cpu", **length}
    same: dict[str, Any] = {"monitor": "val_loss", "trainer": trainer, "assignments": assignments}
    speed = stack_speed(Table, table(), **same, size=32)
    assert speed > 1.5
    assert speed.reason == ""


class Manual(Table):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


def test_no_stack_has_a_speed_of_0_and_a_reason() -> None:
    trainer = {"max_epochs": 1, "accelerator": "cpu"}
    speed = stack_speed(Manual, table(), monitor="val_loss", trainer=trainer, assignments=[None], size=4)
    assert speed == 0.0
    assert speed.reason == "the model optimizes manually"
