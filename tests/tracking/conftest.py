"""Searched layers in a small model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from autoact import AutoActivation


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def layers() -> dict[str, AutoActivation]:
    return {"net.1": AutoActivation(["relu", "tanh"]), "net.3": AutoActivation(["elu", "relu"], start="elu")}


@pytest.fixture
def model(layers: dict[str, AutoActivation]) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 16), layers["net.1"], nn.Linear(16, 16), layers["net.3"])


@pytest.fixture
def read() -> Callable[[Path], Any]:
    """Return a function that reads a directory's events with TensorBoard's own reader."""

    def reader(directory: Path) -> EventAccumulator:
        accumulator = EventAccumulator(str(directory), size_guidance={"scalars": 0, "images": 0})
        accumulator.Reload()
        return accumulator

    return reader
