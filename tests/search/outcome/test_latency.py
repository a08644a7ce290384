"""The latency of the chosen model beside that of the original."""

import torch
from torch import nn

from autoact.search.outcome import latency
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


def test_both_models_are_measured() -> None:
    found = latency(task(Curve), Assignment({"net.1": "tanh"}))
    assert found is not None
    assert min(found.chosen, found.original) > 0


class TwoInputs(Curve):
    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return x + context


def test_a_forward_that_needs_more_than_a_batch_has_no_latency() -> None:
    assert latency(task(TwoInputs), Assignment({"net.1": "tanh"})) is None
