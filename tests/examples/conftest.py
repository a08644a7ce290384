"""Examples draw from torch's own generator: the same numbers in every test."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    torch.manual_seed(0)
