"""The latency of the chosen model beside that of the original."""

import pytest
import torch
from torch import nn

from autoact.search.outcome._latency import latency
from autoact.search.setup import Settings
from autoact.search.trainings import ModelTask
from autoact.spaces import Assignment, SearchSpace
from autoact.training import split
from tests.search.models import TRAINER, Curve, CurveData


def task(model: type[nn.Module]) -> ModelTask:
    return ModelTask(
        make_module=model,
        parts=split(CurveData),
        space=SearchSpace.of(["relu"]),
        original=Assignment({"net.1": "relu"}),
        monitor="val_loss",
        trainer=TRAINER,
    )


@pytest.mark.parametrize(
    ("executor", "where"),
    [("local", ""), ("ray", " of the machine that searches, not of those that train")],
)
def test_both_models_are_measured_and_where_is_told(executor: str, where: str) -> None:
    found = latency(task(Curve), Assignment({"net.1": "tanh"}), Settings(executor=executor))
    assert found is not None
    assert min(found.chosen, found.original) > 0
    assert found.unit == f"ms per batch on the CPU{where}"


class TwoInputs(Curve):
    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return x + context


def test_a_forward_that_needs_more_than_a_batch_has_no_latency() -> None:
    assert latency(task(TwoInputs), Assignment({"net.1": "tanh"}), Settings()) is None
