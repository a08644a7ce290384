"""Idle layers: a derivation names the layers that no input ever reached."""

import pytest
import torch
from torch import nn

from autoact import auto_layers, convert, derive


def test_a_layer_that_never_observed_anything_is_named() -> None:
    model = convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ELU()))
    derive(model)  # nobody watched, so nothing is known
    auto_layers(model)["1"].observe(torch.randn(8, 2))
    with pytest.warns(
        UserWarning, match=r"Nothing was ever observed at 3: what is derived there is only the start"
    ):
        derive(model)
    auto_layers(model)["3"].observe(torch.randn(8, 2))
    derive(model)
