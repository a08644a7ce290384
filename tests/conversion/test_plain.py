"""What finalize returns is the user's own model: classes, attributes, copies of tensors, pickles."""

import copy
import pickle
from collections import Counter
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from autoact import apply, auto_layers, convert, finalize
from autoact.conversion import recipe
from autoact.conversion._places import discover
from autoact.spaces import Choice
from tests.conversion import blocks
from tests.conversion.blocks import CHOICES, in_first

pytestmark = pytest.mark.filterwarnings("ignore:One module instance was used in several places:UserWarning")
X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class Copies(TorchDispatchMode):
    """Counts what copies tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("clone", "copy_", "_to_copy"):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def copies(model: nn.Module) -> Counter[str]:
    x = X.clone()
    with Copies() as mode:
        out = model(x)
        if out.requires_grad:
            out.sum().backward()
    return mode.found


def described(model: nn.Module) -> str:
    """Return kinds, plain attributes and children of every module."""
    return str(
        [
            (path, type(m), {k: v for k, v in vars(m).items() if not isinstance(v, dict)}, list(m._modules))
            for path, m in model.named_modules()
        ]
    )


def original(model: nn.Module) -> dict[str, Any]:
    return {path: place.choice for path, place in discover(model).places.items()}


def gradients(model: nn.Module) -> list[Any]:
    model.zero_grad()
    out = model(X.clone())
    if out.requires_grad:
        out.sum().backward()
    return [out.detach(), *(p.grad for n, p in sorted(model.named_parameters()) if "act" not in n)]


@pytest.mark.parametrize("kind", CHOICES)
@pytest.mark.parametrize("way", ["convert", "apply", "there and back"])
def test_choices_equal_to_the_original_give_the_original_back(kind, way):
    model: Any = nn.Sequential(getattr(blocks, kind)())
    plain, own = copy.deepcopy(model), original(model)
    if way == "convert":
        convert(model, ["relu", "tanh", "elu"])
        assert auto_layers(model)
    elif way == "there and back":
        apply(model, in_first(CHOICES[kind]))
        assert described(model) != described(plain)
    if way != "convert":
        apply(model, own)
    assert finalize(model) is model
    assert described(model) == described(plain)
    assert type(model[0]) is getattr(blocks, kind)
    assert torch.equal(model(X.clone()), plain(X.clone()))
    assert copies(model) == copies(plain)
    assert b"autoact" not in pickle.dumps(model, 2)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert str(plain.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


@pytest.mark.parametrize("kind", CHOICES)
def test_other_choices_compute_the_same(kind):
    model = apply(nn.Sequential(getattr(blocks, kind)()), in_first(CHOICES[kind])).eval()
    before = gradients(model)
    finalize(model)
    for one, other in zip(gradients(model), before, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert recipe(model) is None
    assert not [m for m in model.modules() if type(m).__module__.startswith("autoact")]
    assert not [m for m in model.modules() if isinstance(m, nn.Identity)]
    assert not [name for m in model.modules() for name in vars(m) if "autoact" in name]
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(X.clone()), model(X.clone()))
    assert [type(m) for m in again.modules()] == [type(m) for m in model.modules()]


def test_what_all_uses_chose_stands_under_its_name():
    model = finalize(apply(blocks.Twice(), {"act_1": "elu", "act_2": "elu"}))
    assert type(model) is blocks.Twice
    assert repr(model.act) == "ELU(alpha=1.0, inplace=True)"
    assert list(model._modules) == ["a", "b", "act"]
    assert copies(model) == {}
    tanh = finalize(apply(blocks.Held(), dict.fromkeys(("act_1", "act_2"), "tanh")))
    assert type(tanh) is blocks.Held
    assert isinstance(tanh.act, nn.Tanh)
    assert "act" not in vars(tanh)


def test_an_original_among_the_choices_keeps_the_name():
    model = blocks.Twice()
    act = model.act
    finalize(apply(model, {"act_1": "gelu", "act_2": "relu"}))
    assert model.act is act
    assert list(model._modules) == ["a", "b", "act", "act_1"]
    held = finalize(apply(blocks.Held(), {"act_2": "relu"}))
    assert held.act.func is F.elu
    assert list(held._modules) == ["a", "b", "act_2"]


def test_the_first_choice_takes_the_name_of_an_original_that_nobody_chose():
    model = finalize(apply(blocks.Twice(), {"act_1": "gelu", "act_2": "tanh"}))
    assert list(model._modules) == ["a", "b", "act", "act_2"]
    assert isinstance(model.act, nn.GELU)
    assert isinstance(model.act_2, nn.Tanh)


@pytest.mark.parametrize(
    ("name", "made"), [("elu", {}), ("silu", {"clone": 1}), ("gelu", {"clone": 1, "copy_": 1})]
)
def test_a_choice_in_place_of_one_that_works_in_place(name, made):
    """torch keeps the input of SiLU in place for backward, and has no GELU in place."""
    model = apply(blocks.Argument(), {"act1_1": name})
    before = model(X)
    finalize(model)
    assert torch.equal(model(X), before)
    assert list(model._modules) == ["a", "b", "act1"]
    assert (type(model) is blocks.Argument) == (name != "gelu")
    assert copies(model) == made


def test_negative_slopes_do_not_run_in_place():
    model = apply(blocks.Argument(), {"act1_1": Choice("leaky_relu", {"negative_slope": -0.5})})
    before = gradients(model)
    for one, other in zip(gradients(finalize(model)), before, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("choice", ["relu", "silu", "gelu"])
def test_hooks_of_users_stay(choice):
    model, seen = blocks.Twice(), []
    first = model.act.register_forward_hook(lambda module, inputs, output: seen.append("original"))
    convert(model, ["relu", "silu", "gelu"])
    second = model.a.register_forward_hook(lambda module, inputs, output: seen.append("other"))
    apply(model, dict.fromkeys(auto_layers(model), choice))
    finalize(model)
    model(X)
    assert seen == ["other", "original", "original"]
    first.remove()
    second.remove()
    model(X)
    assert len(seen) == 3


def test_a_layer_of_a_call_that_is_watched_stays():
    model, seen = convert(blocks.Parent(), ["gelu", "tanh"]), []
    auto_layers(model)["gelu_1"].register_forward_hook(
        lambda module, inputs, output: seen.append(type(module))
    )
    finalize(model)(X)
    assert seen == [nn.GELU]


def test_a_finalized_model_can_be_searched_again():
    model = finalize(apply(blocks.Twice(), {"act_1": "gelu", "act_2": "tanh"}))
    before = model(X)
    rule = {"match": "act_2"}
    convert(model, {"name": "again", "candidates": ["relu", "silu"], "layers": [rule]})
    assert list(auto_layers(model)) == ["act", "act_2"]
    torch.testing.assert_close(model(X), before, rtol=0, atol=1e-6)
    finalize(apply(model, {"act": "relu", "act_2": "relu"}))
    assert type(model) is blocks.Twice
    assert repr(model.act) == "ReLU(inplace=True)"


def test_a_part_can_be_finalized():
    model: Any = convert(nn.Sequential(blocks.Calls(), blocks.Parent()), ["relu", "gelu"])
    finalize(model[0])
    assert type(model[0]) is blocks.Calls
    assert list(auto_layers(model)) == ["1.gelu_1"]
    assert list((recipe(model) or {})["layers"]) == ["1.gelu_1"]
    finalize(model)
    assert recipe(model) is None


@pytest.mark.parametrize("rest", ["gelu", "relu", "silu", "tanh"])
def test_calls_that_were_assigned_one_after_another(rest):
    model = apply(apply(blocks.Twice(), {"act_1": "tanh"}), {"act": rest})
    before = model(X)
    finalize(model)
    assert torch.equal(model(X), before)
    assert list(model._modules) == ["a", "b", "act", "act_1"]  # the first call works in place, act does not
    assert {place.choice for place in discover(model).places.values()} == {Choice(rest), Choice("tanh")}


class Row(nn.Sequential):
    """Its first activation changes what it is given; others change in place what activations return."""

    def __init__(self) -> None:
        super().__init__(nn.ReLU(inplace=True), nn.Linear(4, 4), nn.GELU(), nn.Dropout(0.0, inplace=True))


@pytest.mark.parametrize("first", ["gelu", "prelu", "tanh"])
@pytest.mark.parametrize("second", ["relu", "tanh", "prelu"])
def test_torchs_own_modules_live_with_what_changes_in_place(first, second):
    torch.compiler.reset()
    model = nn.Sequential(nn.Linear(4, 4), Row())
    apply(model, {"1.0": first, "1.2": second})
    before = gradients(model)
    finalize(model)
    for one, other in zip(gradients(model), before, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert not [m for m in model.modules() if type(m).__module__.startswith("autoact")]
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(X), model(X))
    assert torch.equal(torch.compile(model, backend="eager", fullgraph=True)(X), model(X))
    assert {path: place.choice for path, place in discover(again).places.items()} == {
        "1.0": Choice(first),
        "1.2": Choice(second),
    }
