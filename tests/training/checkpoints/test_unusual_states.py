"""Weights both ways for models whose state is not plain: other parameters, other values, other versions."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from autoact import apply, convert, find_layers
from autoact.errors import ConversionError
from autoact.training import load_weights

SPACE = ["relu", "tanh", "prelu"]
X = torch.linspace(-2, 2, 32).reshape(8, 4)


class Net(nn.Module):
    def __init__(self, first):
        super().__init__()
        self.first, self.act, self.last = first, nn.PReLU(), nn.Linear(4, 1)

    def forward(self, x):
        return self.last(self.act(torch.relu(self.first(x))))


class Extra(nn.Linear):
    """Saves something beside its tensors."""

    def __init__(self, value):
        super().__init__(4, 4)
        self.value = value

    def get_extra_state(self):
        return self.value

    def set_extra_state(self, state):
        self.value = state


class Noted(Net):
    """As neural operators do it: the arguments of the constructor stand in the state."""

    def __init__(self, width=4):
        super().__init__(nn.Linear(4, width))
        self.noted = {"width": width}

    def state_dict(self, *args, **kwargs):
        state = super().state_dict(*args, **kwargs)
        state["_metadata"] = self.noted
        return state

    def load_state_dict(self, state_dict, strict=True, assign=False):
        state_dict = dict(state_dict)
        self.noted = state_dict.pop("_metadata")
        return super().load_state_dict(state_dict, strict=strict, assign=assign)


def frozen():
    model = Net(nn.Linear(4, 4))
    model.first.requires_grad_(False)
    return model


def tied():
    model = Net(nn.Linear(4, 4))
    model.other = nn.Linear(4, 4)
    model.other.weight = model.first.weight
    return model


KINDS = {
    "weight norm": lambda: Net(parametrizations.weight_norm(nn.Linear(4, 4))),
    "weight norm of old": lambda: Net(weight_norm(nn.Linear(4, 4))),
    "spectral norm": lambda: Net(parametrizations.spectral_norm(nn.Linear(4, 4))),
    "spectral norm of old": lambda: Net(spectral_norm(nn.Linear(4, 4))),
    "orthogonal": lambda: Net(parametrizations.orthogonal(nn.Linear(4, 4))),
    "frozen": frozen,
    "tied": tied,
    "normalized": lambda: Net(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))),
    "dict": lambda: Net(Extra({"count": 3, "sizes": [1, 2]})),
    "tensor": lambda: Net(Extra(torch.arange(3.0))),
    "text": lambda: Net(Extra("notes")),
    "None": lambda: Net(Extra(None)),
    "metadata": Noted,
}
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")


def ways(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "state.pt")
    return model, model.state_dict(), tmp_path / "state.pt"


@pytest.mark.parametrize("kind", KINDS)
def test_weights_go_both_ways(kind, tmp_path):
    make = KINDS[kind]
    original = make()
    original(X)
    original.eval()
    for source in ways(original, tmp_path):
        converted = convert(make(), SPACE).eval()
        found = load_weights(converted, source)
        assert set(original.state_dict()) - set(found.loaded) == {"act.weight"}  # became `initial`
        torch.testing.assert_close(converted(X), original(X), rtol=1e-6, atol=1e-7)
    for source in ways(converted, tmp_path):
        back = make().eval()
        load_weights(back, source)
        torch.testing.assert_close(back(X), original(X), rtol=1e-6, atol=1e-7)
    assert [p.requires_grad for p in back.parameters()] == [p.requires_grad for p in original.parameters()]


@pytest.mark.parametrize("kind", KINDS)
def test_chosen_activations_come_with_the_weights(kind, tmp_path):
    make = KINDS[kind]
    chosen = apply(make(), dict.fromkeys(find_layers(make(), SPACE).layers, "tanh")).eval()
    for source in ways(chosen, tmp_path):
        back = make().eval()
        assert set(load_weights(back, source).activations) == {"relu_1", "act"}
        assert torch.equal(back(X), chosen(X))


def test_values_beside_the_tensors_arrive():
    source = Net(Extra({"count": 7}))
    for target in (convert(Net(Extra({"count": 0})), SPACE), Net(Extra(torch.zeros(2)))):
        load_weights(target, source)
        assert target.first.value == {"count": 7}
    grown = convert(Net(Extra(torch.zeros(2))), SPACE)
    load_weights(grown, Net(Extra(torch.ones(5))))
    assert torch.equal(grown.first.value, torch.ones(5))
    noted = convert(Noted(), SPACE)
    source = Noted()
    source.noted = {"width": 4, "by": "me"}
    load_weights(noted, source)
    assert noted.noted == source.noted


def test_what_torch_puts_right_itself_is_put_right():
    old, new = Net(weight_norm(nn.Linear(4, 4))), convert(KINDS["weight norm"](), SPACE)
    found = load_weights(new, old)
    torch.testing.assert_close(new(X), old(X))
    assert "first.parametrizations.weight.original0" in found.loaded


class Versioned(nn.Linear):
    """In its first version, it kept half of its weight."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        if local_metadata.get("version", 1) < 2:
            state_dict[prefix + "weight"] = 2 * state_dict[prefix + "weight"]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_versions_of_modules_are_heeded(prefix, tmp_path):
    source = Net(Versioned(4, 4))
    wrapped = nn.ModuleDict({"module": source}) if prefix else source
    for state in ways(wrapped, tmp_path):
        if not isinstance(state, nn.Module):
            model = convert(Net(Versioned(4, 4)), SPACE)
            load_weights(model, state)
            torch.testing.assert_close(model(X), source(X))
    old: Any = copy.copy(source.state_dict())
    old._metadata = copy.deepcopy(old._metadata)
    old._metadata["first"]["version"] = 1
    load_weights(model, old)
    assert torch.equal(model.first.weight, 2 * source.first.weight)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("weight norm", "frozen", r"missing: first\.weight \(4, 4\); left over: first\.param"),
        ("frozen", "weight norm", r"missing: first\.param.*; left over: first\.weight \(4, 4\)"),
        ("frozen", "dict", r"missing: first\._extra_state"),
        ("dict", "frozen", r"left over: first\._extra_state"),
        ("normalized", "frozen", "missing: first.weight"),
    ],
)
def test_no_part_is_loaded_of_weights_that_do_not_fit(source, target, message):
    for model in (convert(KINDS[target](), SPACE), KINDS[target]()):
        before = {
            name: value.clone()
            for name, value in model.state_dict().items()
            if isinstance(value, torch.Tensor)
        }
        with pytest.raises(ConversionError, match=message):
            load_weights(model, KINDS[source]())
        after = model.state_dict()
        assert all(torch.equal(value, after[name]) for name, value in before.items())
