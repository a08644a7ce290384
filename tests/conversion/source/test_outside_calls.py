"""Outside calls: an activation that another module calls is left alone where it would have to move."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autoact import convert, find_layers

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


class Stem(nn.Module):
    """Calls its activation twice, so that each call would get a layer of its own."""

    def __init__(self):
        super().__init__()
        self.a, self.act = nn.Linear(4, 4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.a(self.act(self.a(x))))


class Inside(nn.Module):
    stem: Any

    def __init__(self):
        super().__init__()
        self.stem, self.b, self.relu = nn.Sequential(Stem()), nn.Linear(4, 2), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.relu(self.stem[0].act(self.stem[0].a(x))))  # here


class Looping(Inside):
    def forward(self, x: Tensor) -> Tensor:
        for each in self.stem:
            x = each.act(each.a(x))
        return self.b(self.relu(x))


class Local(Inside):
    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem[0]
        return self.b(self.relu(stem.act(stem.a(x))))


class TensorMethod(Inside):
    def forward(self, x: Any) -> Tensor:
        for each in self.stem:
            x = each(x) if isinstance(x, Tensor) else x.act()
        return self.b(self.relu(x))


@pytest.mark.parametrize("kind", [Inside, Looping, Local])
def test_the_function_stays_and_the_activation_is_named(kind: type[nn.Module]) -> None:
    model = kind()
    before = model(X)
    plan = find_layers(model, ["relu", "tanh"])
    assert list(plan.layers) == ["relu"]
    assert "called from outside, as" in plan.left_alone["stem.0.act"]
    assert "(test_outside_calls.py, line" in plan.left_alone["stem.0.act"]
    assert torch.equal(convert(model, ["relu", "tanh"])(X), before)


def test_calls_of_tensors_are_none() -> None:
    assert list(find_layers(TensorMethod(), ["relu"]).layers) == ["stem.0.act_1", "stem.0.act_2", "relu"]
