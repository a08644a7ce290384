"""Latencies are medians of calls taken in turns."""

import time

import pytest
import torch
from torch import nn

from autoact.search.latency import latency, medians
from autoact.search.task import Task
from autoact.spaces import Assignment, SearchSpace
from autoact.training import split
from tests.search.models import TRAINER, Curve, CurveData


def test_medians_tell_slow_from_fast_and_ignore_outliers() -> None:
    calls = {"fast": 0, "slow": 0}

    def wait(name: str, seconds: float) -> None:
        calls[name] += 1
        time.sleep(0.1 if calls[name] == 5 else seconds)

    found = medians({"fast": lambda: wait("fast", 0.001), "slow": lambda: wait("slow", 0.005)}, seconds=0.3)
    assert calls["fast"] == calls["slow"] > 8
    assert found["fast"] == pytest.approx(0.001, abs=0.002)
    assert found["slow"] == pytest.approx(0.005, abs=0.004)


def task(model: type[nn.Module]) -> Task:
    return Task(
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
    assert all(float(found[name]) > 0 for name in ("chosen", "original"))


class TwoInputs(Curve):
    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return x + context


def test_a_forward_that_needs_more_than_a_batch_has_no_latency() -> None:
    assert latency(task(TwoInputs), Assignment({"net.1": "tanh"})) is None
