"""Asking code: what asks which activation there is leaves it alone: a layer would answer otherwise."""

import math
import re
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoact import convert, find_layers

SPACE = ["relu", "tanh"]
X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class Walked(nn.Module):
    """Walks through its layers; the last one that runs is asked for nothing."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Dropout(0.0)])
        self.gate = nn.GELU()
        self.reset()

    def reset(self):  # asks before there is a layer
        assert not isinstance(self.gate, nn.ReLU)

    def changed(self, layer: Any) -> float:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x) * self.changed(layer)
        return self.gate(x) + x


class ByClass(Walked):
    def changed(self, layer):
        return 2.0 if isinstance(layer, nn.ReLU | nn.Tanh) else 1.0


class ByTable(Walked):
    KNOWN: ClassVar[tuple[type, ...]] = (nn.ReLU,)

    def changed(self, layer):
        return 2.0 if isinstance(layer, self.KNOWN) else 1.0


class ByType(Walked):
    def changed(self, layer):
        return 2.0 if type(layer) == nn.ReLU else 1.0  # noqa: E721


class ByName(Walked):
    def changed(self, layer):
        return 2.0 if type(layer).__name__ == "ReLU" else 1.0


class ByPattern(Walked):
    def changed(self, layer):
        match layer:
            case nn.ReLU():
                return 2.0
        return 1.0


class ByAttribute(Walked):
    def changed(self, layer):
        return 2.0 if getattr(layer, "inplace", None) is not None and hasattr(layer, "training") else 1.0


class Asked(nn.Module):
    act: Any

    def __init__(self, act: Any):
        super().__init__()
        self.a, self.act, self.other = nn.Linear(4, 4), act, nn.GELU()

    def scale(self) -> Any:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.act(self.a(x)) * self.scale()) + x


class Slope(Asked):
    def scale(self):
        return math.sqrt(2 / (1 + self.act.negative_slope**2))


class Has(Asked):
    def scale(self):
        return 2.0 if hasattr(self.act, "negative_slope") else 1.0


class Is(Asked):
    def scale(self):
        return 2.0 if self.act is F.relu else 1.0


class IsModule(Asked):
    def scale(self):
        return 1.0 if isinstance(self.act, nn.Module) else 2.0


class Harmless(Asked):
    """What a layer answers alike, and what a training step asks."""

    def training_step(self, x: Tensor) -> Tensor:
        return self(x) * (0.0 if isinstance(self.act, nn.ReLU) else 1.0)

    def scale(self):
        known = self.act is not None and callable(self.act) and not isinstance(self.act, str | nn.Tanh)
        return 1.0 if known and not isinstance(self.other, nn.Linear) and not self.other.training else 2.0


@pytest.mark.parametrize("kind", [ByClass, ByTable, ByType, ByName, ByPattern, ByAttribute])
def test_modules_that_would_answer_otherwise_stay(kind):
    model = kind()
    before, plan = model(X), find_layers(model, SPACE)
    assert list(plan.layers) == ["gate"]  # of another class
    assert re.search(r"\(test_asking_code\.py, line \d+\) asks what it is", plan.left_alone["layers.1"])
    assert torch.equal(convert(model, SPACE)(X), before)
    named = {"candidates": SPACE, "layers": [{"match": "layers.1"}]}
    assert list(find_layers(kind(), named).layers) == ["layers.1", "gate"]  # at the user's own risk


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (Slope(nn.LeakyReLU(0.2)), "self.act.negative_slope"),
        (Has(nn.LeakyReLU(0.2)), "hasattr(self.act, 'negative_slope')"),
        (Is(F.relu), "self.act is F.relu"),
        (IsModule(F.relu), "isinstance(self.act, nn.Module)"),
    ],
)
def test_an_attribute_that_is_asked_stays_and_others_are_searched(model, what):
    before = model(X)
    plan = find_layers(model, SPACE)
    assert list(plan.layers) == ["other"]
    assert plan.left_alone["act"].startswith(what)
    assert torch.equal(convert(model, SPACE)(X), before)


@pytest.mark.parametrize("act", [nn.ReLU(), F.relu])
def test_what_a_layer_answers_alike_is_no_question(act):
    model = Harmless(act)
    before = model(X)
    assert set(find_layers(model, SPACE).layers) == {"act", "other"}
    assert torch.equal(convert(model, SPACE)(X), before)


KNOWN: dict[type, float] = {nn.ReLU: 2.0}


class ByKey(Walked):
    """The source does not tell what it asks for; running it does."""

    def changed(self, layer):
        return KNOWN.get(type(layer), 1.0)


def test_an_example_input_shows_questions_that_the_source_does_not():
    model = ByKey()
    before = model(X)
    plan = find_layers(model, SPACE, example_input=X)
    assert list(plan.layers) == ["gate"]
    assert "its code asks what the activation is" in plan.left_alone["layers.1"]
    assert torch.equal(convert(model, SPACE, example_input=X)(X), before)


class Noisy(Walked):
    """Random numbers and buffers that change with every run are no questions."""

    runs: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("runs", torch.zeros(()))
        self.calls = 0

    def changed(self, layer):
        self.calls += 1
        self.runs += 1
        return float(1 + self.runs / 100 + torch.rand(()) + self.calls / 50)


def test_a_model_that_never_computes_the_same_is_asked_nothing():
    model = Noisy()
    assert list(find_layers(model, SPACE, example_input=X).layers) == ["layers.1", "gate"]
    assert model.runs == 0
