"""Shared layers: activations in branches that exclude each other are one layer, in any form of call."""

import copy
import pickle
import warnings
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoact import (
    Assignment,
    AutoActivation,
    SearchSpace,
    apply,
    auto_layers,
    convert,
    derive,
    finalize,
    find_layers,
)
from autoact.conversion import recipe, replay

X = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))


class TrainEval(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 16), nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        if self.training:
            h = F.relu(F.dropout(h, 0.1))
        else:
            h = F.relu(h)
        return self.b(h)


class Forms(nn.Module):
    """The same function by torch, as a method, in place and with the default written out."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)

    def forward(self, x: Tensor, way: int = 0) -> Tensor:
        h = self.a(x)
        if way == 0:
            return F.leaky_relu(h)
        if way == 1:
            return F.leaky_relu(h, 0.01)
        if way == 2:
            return F.leaky_relu(h, negative_slope=0.2)
        h = F.leaky_relu(h, inplace=True)
        return h.relu() if way == 3 else torch.relu_(h)


class Reparameterizable(nn.Module):
    """A block of several branches that can become one convolution."""

    a: nn.Conv2d
    b: nn.Conv2d

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.fused: nn.Module | None = None
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        if self.fused is not None:
            return self.act(self.fused(x))
        return self.act(self.a(x) + self.b(x))

    @torch.no_grad()
    def fuse(self) -> None:
        fused = copy.deepcopy(self.a)
        assert fused.bias is not None
        assert self.b.bias is not None
        fused.weight[:, :, 1:2, 1:2] += self.b.weight
        fused.bias += self.b.bias
        self.fused = fused
        del self.a, self.b


class Gated(nn.Module):
    """Two calls in one branch, one in the other."""

    def __init__(self):
        super().__init__()
        self.a, self.act = nn.Linear(2, 2), nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "mps":
            return self.act(self.a(self.act(self.a(x))))
        return self.act(self.a(x))


class Held(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act = nn.Linear(2, 2), F.gelu

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.a(x)) if self.training else self.act(self.a(2 * x))


def test_training_and_evaluation_learn_together() -> None:
    torch.manual_seed(0)
    model = convert(TrainEval(), ["relu", "tanh", "gelu"])
    (layer,) = auto_layers(model).values()
    layer.release.fill_(1.0)
    y = torch.sin(3 * X[:, :1])
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(300):
        optimizer.zero_grad()
        F.mse_loss(model(X), y).backward()
        optimizer.step()
    with torch.no_grad():
        loss = {mode: float(F.mse_loss(model.train(mode)(X), y)) for mode in (True, False)}
    assert loss[False] <= loss[True] * 1.1  # dropout only costs
    assert list(derive(model)) == ["relu_1"]


def test_an_assigned_function_survives_fusing() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 8)
    model = nn.Sequential(Reparameterizable(), Reparameterizable()).eval()
    plan = find_layers(model)
    assert list(plan.layers) == ["0.act", "1.act"]
    assert not plan.calls
    apply(model, dict.fromkeys(plan.layers, "silu"))
    with torch.no_grad():
        before = model(x)
        for block in model:
            assert isinstance(block, Reparameterizable)
            block.fuse()
        after = model(x)
    assert type(model[0]) is Reparameterizable  # no source had to change
    assert isinstance(model[0].act, nn.SiLU)
    assert (after - before).norm() <= 1e-6 * before.norm()


def test_settings_and_activations_keep_calls_apart() -> None:
    plan = find_layers(Forms())
    assert list(plan.layers) == ["leaky_relu_1", "leaky_relu_2", "relu_1"]
    torch.manual_seed(0)
    model = Forms()
    converted = convert(copy.deepcopy(model))
    for way in range(5):
        torch.testing.assert_close(converted(X, way), model(X, way), rtol=0, atol=1e-6)


def test_several_calls_in_one_branch_are_numbered() -> None:
    assert list(find_layers(Gated()).layers) == ["act_1", "act_2"]
    model = apply(Gated(), {"act_1": "tanh", "act_2": "gelu"})
    linear = model.get_submodule("a")
    h = linear(torch.tanh(linear(X)))
    torch.testing.assert_close(model(X), F.gelu(h))


def test_a_held_function_keeps_its_attribute() -> None:
    model = convert(Held(), ["relu", "gelu"])
    assert isinstance(model.act, AutoActivation)
    assert type(model) is Held


@pytest.mark.filterwarnings("ignore:One module instance")
@pytest.mark.parametrize("make", [TrainEval, Held, Gated, Forms])
def test_the_function_stays_and_structure_travels(make: type[nn.Module]) -> None:
    model = make().eval()
    expected = model(X)
    converted = convert(copy.deepcopy(model), ["relu", "tanh"])
    copies = [converted, copy.deepcopy(converted), pickle.loads(pickle.dumps(converted))]
    fresh = replay(make().eval(), recipe(converted))
    fresh.load_state_dict(converted.state_dict())
    for each in [*copies, fresh, finalize(copy.deepcopy(converted))]:
        torch.testing.assert_close(each(X), expected, rtol=0, atol=1e-6)
    for one, other in pairwise([each.state_dict() for each in copies]):
        assert one.keys() == other.keys()


@pytest.mark.parametrize(
    ("make", "parts"), [(TrainEval, ("relu_1a", "relu_1b")), (Held, ("act_1a", "act_1b"))]
)
def test_rules_take_branches_apart(make: type[nn.Module], parts: tuple[str, str]) -> None:
    space = SearchSpace.of(
        {"name": "apart", "candidates": ["relu", "tanh"], "layers": [{"match": parts[1], "keep": True}]}
    )
    plan = find_layers(make(), space)
    assert list(plan.layers) == [parts[0]]
    assert parts[1] in plan.left_alone
    model, changed = make(), make()
    changed.load_state_dict(model.state_dict())
    apply(changed, Assignment({parts[0]: "tanh"}))
    trained = model.get_submodule("a")(X) if make is Held else None
    torch.testing.assert_close(changed.eval()(X), model.eval()(X))
    if trained is not None:
        torch.testing.assert_close(changed.train()(X), torch.tanh(trained))


def test_a_rule_for_all_of_them_takes_nothing_apart() -> None:
    space = {"name": "some", "candidates": ["relu", "tanh"], "layers": [{"match": "relu_*"}]}
    for match in ("relu_*", "relu_1", "relu_1?"):
        space["layers"] = [{"match": match, "candidates": ["gelu", "relu"]}]
        plan = find_layers(TrainEval(), space)
        assert plan.candidates == {"relu_1": ("gelu", "relu")}


def test_sharing_a_branch_is_no_reason_to_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for make in (TrainEval, Reparameterizable, Held):
            convert(make())


def test_depth_counts_a_shared_layer_once() -> None:
    model = nn.ModuleDict({"blocks": nn.ModuleList(TrainEval() for _ in range(4))})
    space = {
        "name": "deep",
        "candidates": ["relu", "tanh"],
        "layers": [{"match": "blocks.*", "depth": "first half", "keep": True}],
    }
    assert list(find_layers(model, space).layers) == ["blocks.2.relu_1", "blocks.3.relu_1"]
