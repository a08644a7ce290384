"""A conversion that raises anywhere leaves the model exactly as it was."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from autoact.conversion import _placement, _plain, _recipe, apply, convert, finalize, recipe, replay
from autoact.conversion.source import _calls
from autoact.errors import AutoActError, ConversionError
from autoact.spaces import Choice


class Block(nn.Module):
    """Every form in which an activation may stand: modules, held functions, calls, one used twice."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.held, self._twice, self.plain = F.elu, nn.SiLU(), nn.ReLU()
        self.plain.register_forward_hook(lambda module, inputs, output: None)

    def forward(self, x):
        x = self._twice(self.b(self._twice(self.a(x))))
        x = F.relu(self.a(x))
        return self.b(self.plain(self.a(self.held(x, alpha=0.5))))


def network():
    encoder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    return nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(), Block(), nn.TransformerEncoder(encoder, 1), nn.Linear(4, 1)
    )


def described(model):
    """Return all that must not change: kinds, identities, attributes, hooks, keys, recipe."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "modules": [(path, id(module), type(module)) for path, module in model.named_modules()],
        "attributes": [
            {name: id(value) for name, value in vars(module).items()} for module in model.modules()
        ],
        "hooks": [[(id(h), *h.items()) for h in map(vars(m).get, hooks)] for m in model.modules()],
        "children": [list(module._modules) for module in model.modules()],
        "keys": list(model.state_dict()),
        "recipe": copy.deepcopy(recipe(model)),
    }


class Broken(Exception):
    """Raised by a step that was made to fail."""


def failing(monkeypatch, home, name, call):
    """Let a function raise when it is called for the n-th time; returns the counter of calls."""
    real, calls = getattr(home, name), []

    def sometimes(*arguments, **keywords):
        calls.append(name)
        if len(calls) == call:
            raise Broken
        return real(*arguments, **keywords)

    monkeypatch.setattr(home, name, sometimes)
    return calls


CHOICES = {"1": "gelu", "2._twice_1": "tanh", "2.relu_1": "silu", "2.held_1": Choice("elu", {"alpha": 0.7})}
STEPS = [
    (_recipe, "fit"),
    (_recipe, "move_hooks"),
    (_recipe, "put"),
    (_recipe, "settle"),
    (_placement, "open_at"),
    (_calls, "open_call"),
    (_calls, "_retire"),
    (_plain, "_put"),
    (_plain, "leave_open"),
    (_plain, "shed"),
]
ACTIONS = {
    "convert": (network, lambda model, plain: convert(model, ["relu", "gelu"])),
    "apply": (network, lambda model, plain: apply(model, CHOICES)),
    "finalize": (lambda: convert(network()), lambda model, plain: finalize(model)),
    "replay": (network, replay),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:One module instance")
@pytest.mark.parametrize(("home", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_step_that_raises_leaves_the_model_as_it_was(action, home, name, monkeypatch):
    make, act = ACTIONS[action]
    plain = recipe(convert(network()))
    with monkeypatch.context() as patch:
        calls = failing(patch, home, name, 0)
        model = make()
        calls.clear()
        act(model, plain)
    assert calls or action != ("finalize" if home is _plain else "convert")
    for call in range(1, len(calls) + 1):
        model = make()
        before = described(model)
        with monkeypatch.context() as patch:
            failing(patch, home, name, call)
            with pytest.raises(Broken):
                act(model, plain)
        assert described(model) == before
        model(torch.zeros(1, 3, 4))


@given(
    wrong=st.sampled_from(
        [
            {"9": "relu"},
            {"2.nothing": "relu"},
            {"3.layers.0.activation": "rleu"},
            {"2.plain": Choice},
            {"1": "tanh", "0": "relu"},
        ]
    ),
    position=st.integers(0, len(CHOICES)),
)
def test_a_wrong_entry_is_found_before_anything_changes(wrong, position):
    model = network()
    before = described(model)
    entries = list(CHOICES.items())
    with pytest.raises(AutoActError):
        apply(model, dict([*entries[:position], *wrong.items(), *entries[position:]]))
    assert described(model) == before


def test_all_wrong_entries_are_named_at_once():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with pytest.raises(ConversionError, match=r"2 entries are wrong.*\(1\).*at '7'.*\(2\).*'rleu'"):
        apply(model, {"7": "relu", "1": "rleu"})


def test_a_mapping_is_an_assignment():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    apply(model, {"1": "gelu", "3": Choice("elu", {"alpha": 0.5})})
    assert isinstance(model[1], nn.GELU)
    assert model[3].alpha == 0.5
    written = recipe(model)
    assert written is not None
    assert list(written["layers"]) == ["1", "3"]


def test_an_interrupt_rolls_back_too(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    model = network()
    before = described(model)
    monkeypatch.setattr(_recipe, "settle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        apply(model, CHOICES)
    assert described(model) == before
