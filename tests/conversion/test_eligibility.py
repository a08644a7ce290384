import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, find_layers
from autoact.errors import ConversionError
from autoact.spaces import Assignment, LayerRule, SearchSpace

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def mlp(*last):
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), *last)


class Net(nn.Module):
    """Layers for the models below, and what else they need."""

    act: nn.Module
    gate: nn.Module
    net: nn.Module

    def __init__(self, **parts: nn.Module):
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(4, 4) for _ in range(3))
        for name, part in parts.items():
            self.add_module(name, part)


HEADS = [nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Hardtanh(0, 1), nn.Hardsigmoid()]


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("after", [[], [nn.Flatten(0)], [nn.Dropout(0.1), nn.Identity()]], ids=str)
def test_what_a_sequential_ends_in_is_an_output(head, after):
    plan = find_layers(mlp(head, *after))
    assert list(plan.layers) == ["1"]
    assert "is an output head" in plan.left_alone["3"]
    assert "a rule match: '3' includes it" in plan.left_alone["3"]


def test_the_same_activations_between_layers_are_searched():
    for act in HEADS:
        assert list(find_layers(mlp(act, nn.Linear(4, 1))).layers) == ["1", "3"]


class Inside(Net):
    def forward(self, x):
        hidden = self.net(x)
        return hidden


class Probability(Net):
    def forward(self, x):
        x = self.two(self.act(self.one(x)))
        if x.ndim > 2:
            return x
        x = torch.sigmoid(x)
        return x.squeeze(-1)


class Deep(Net):
    def forward(self, x):
        return self.head(x)

    def head(self, x):
        x = torch.tanh(self.one(x))
        return {"mean": self.three(x), "sd": F.softplus(self.two(x))}


class Scaled(Net):
    def forward(self, x):
        return 2.0 * torch.tanh(self.three(F.relu(self.one(x))))


class Logits(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.last = Named(act=nn.ReLU()), nn.Linear(4, 4)

    def forward(self, x):
        found = self.body(x)
        return Result(logits=self.last(found.pooled), hidden=found.hidden)


class Named(Net):
    def forward(self, x):
        hidden = self.act(self.one(x))
        return Result(hidden=hidden, pooled=torch.tanh(self.two(hidden)))


class Result:
    def __init__(self, **given):
        vars(self).update(given)


@pytest.mark.parametrize(
    ("model", "layers", "heads"),
    [
        (Inside(net=mlp(nn.Sigmoid())), ["net.1"], ["net.3"]),
        (nn.Sequential(Inside(net=mlp(nn.Tanh())), nn.Identity()), ["0.net.1"], ["0.net.3"]),
        (nn.Sequential(Inside(net=mlp(nn.Tanh())), nn.Linear(4, 1)), ["0.net.1", "0.net.3"], []),
        (Probability(act=nn.ReLU()), ["act"], ["sigmoid_1"]),
        (Deep(), ["tanh_1"], ["softplus_1"]),
        (Scaled(), ["relu_1"], ["tanh_1"]),
        (Logits(), ["body.tanh_1", "body.act"], []),
        (Named(act=nn.ReLU()), ["act"], ["tanh_1"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_outputs_are_found_through_the_source(model, layers, heads):
    plan = find_layers(model)
    assert list(plan.layers) == layers
    assert [path for path, reason in plan.left_alone.items() if "output head" in reason] == heads


class SqueezeExcite(Net):
    def forward(self, x):
        return self.three(x * self.gate(self.two(self.act(self.one(x)))))


class Gated(Net):
    def forward(self, x):
        gate = torch.sigmoid(self.one(x))
        update = torch.tanh(self.two(x))
        return self.three(gate * update + (1 - gate) * x)


class Multiplied(Net):
    def forward(self, x):
        x = torch.mul(x, torch.tanh(self.one(x)))
        x *= F.hardsigmoid(self.two(x))
        return self.three(x)


class LayerScale(Net):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.three(self.gamma * torch.tanh(self.one(x)) * 0.5)


@pytest.mark.parametrize(
    ("model", "layers", "gates"),
    [
        (SqueezeExcite(act=nn.ReLU(), gate=nn.Sigmoid()), ["act"], ["gate"]),
        (Gated(), [], ["sigmoid_1", "tanh_1"]),
        (Multiplied(), [], ["tanh_1", "hardsigmoid_1"]),
        (LayerScale(), ["tanh_1"], []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_gates_stay(model, layers, gates):
    plan = find_layers(nn.Sequential(model, nn.ReLU(), nn.Linear(4, 1)))
    found = [path for path, reason in plan.left_alone.items() if "is a gate" in reason]
    assert found == [f"0.{path}" for path in gates]
    assert list(plan.layers) == [*(f"0.{path}" for path in layers), "1"]


class Glu(Net):
    def forward(self, x):
        return self.three(F.silu(self.one(x)) * self.two(x))


class Chunked(Net):
    def forward(self, x):
        value, gate = self.one(x).chunk(2, dim=-1)
        return self.act(value) * gate


def test_gated_blocks_are_found_and_named():
    plan = find_layers(nn.Sequential(Glu(), Chunked(act=nn.ReLU())))
    assert plan.blocks == {"0.silu_1": "SwiGLU", "1.act": "ReGLU"}
    assert list(plan.layers) == ["0.silu_1", "1.act"]


class AdditiveAttention(Net):
    def forward(self, x):
        return self.two(torch.tanh(self.one(x))).softmax(-1)


class Positions(Net):
    def forward(self, x):
        return self.one(x + torch.sin(x) + x.sigmoid())


class Stepping(Net):
    def forward(self, x):
        return self.two(F.relu(self.one(x)))

    def training_step(self, batch):
        return F.relu(self(batch)).sum() + self.hinge_loss(batch) + self.unused(batch)

    def hinge_loss(self, x):
        return F.relu(1 - x).sum()

    def unused(self, x):
        return torch.relu(x)


def test_attention_positions_and_losses_stay():
    model = nn.Sequential(AdditiveAttention(), Positions(), Stepping())
    plan = find_layers(model)
    assert list(plan.layers) == ["2.relu_1"]
    reasons = plan.left_alone
    assert "part of attention" in reasons["0.tanh_1"]
    assert "positional code" in reasons["1.sin_1"]
    assert "probability" in reasons["1.sigmoid_1"]
    assert "F.relu (test_eligibility.py, line" in reasons["2.relu_2"]
    assert "training step" in reasons["2.relu_2"]
    assert "loss" in reasons["2.relu_3"]
    assert "unused, which forward does not call" in reasons["2.relu_4"]


@pytest.mark.parametrize(("match", "included"), [("3", True), ("*", False), ("[3]", False)])
def test_only_a_rule_that_names_an_output_includes_it(match, included):
    space = SearchSpace("named", ("relu", "tanh"), layers=(LayerRule(match=match),))
    model = mlp(nn.Sigmoid())
    before = model(X)
    convert(model, space)
    assert ("3" in auto_layers(model)) is included
    assert torch.equal(model(X), before)
    assert list(find_layers(model, space).layers) == (["1", "3"] if included else ["1"])


def test_a_named_gate_and_a_named_call_are_included():
    rules = (LayerRule(match="*.gate"), LayerRule(match="*.sigmoid_1"))
    model = convert(
        nn.Sequential(SqueezeExcite(act=nn.ReLU(), gate=nn.Sigmoid()), Gated()),
        SearchSpace("named", ("relu",), layers=rules),
    )
    assert {"0.gate", "1.sigmoid_1"} <= set(auto_layers(model))
    assert "1.tanh_1" not in auto_layers(model)


def test_what_was_converted_or_assigned_before_stays_searched():
    model = mlp(nn.ReLU(), nn.Linear(4, 4))
    apply(model, Assignment({"1": "sin", "3": "softplus"}))
    assert list(find_layers(model).layers) == ["1", "3"]
    end = apply(mlp(nn.ReLU()), Assignment({"3": "tanh"}))
    assert list(find_layers(end).layers) == ["1", "3"]


def test_a_model_with_nothing_but_an_output_says_so():
    with pytest.raises(ConversionError, match=r"Nothing to convert.*1: sigmoid is an output head"):
        convert(nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()))


def test_assignments_may_name_outputs():
    assert isinstance(apply(mlp(nn.Sigmoid()), Assignment({"3": "tanh"}))[3], nn.Tanh)


class Sine(nn.Module):
    def __init__(self, outputs=4):
        super().__init__()
        self.linear = nn.Linear(4, outputs)

    def forward(self, x):
        return torch.sin(30 * self.linear(x))


class Siren(Net):
    def forward(self, x):
        x = torch.sin(self.one(x))
        y = self.two(x)
        for layer in [self.two]:
            y = layer(x)
        x = torch.sin(y)
        return self.three(x)


class Held(nn.Module):
    """Calls a function for each of its layers."""

    def __init__(self, act):
        super().__init__()
        self.layers, self.act = nn.ModuleList(nn.Linear(4, 4) for _ in range(3)), act

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.act(layer(x))
        return self.layers[-1](x)


class Fourier(Net):
    """The sine of a position is no activation."""

    def forward(self, x):
        codes = torch.sin(x[..., :1] * torch.arange(4))
        return self.two(F.relu(self.one(codes)))


SIRENS = [
    (Siren(), ["sin_1", "sin_2"]),
    (nn.Sequential(Sine(), Sine(), nn.Linear(4, 1)), ["0.sin_1", "1.sin_1"]),
    (Held(lambda x: torch.sin(x)), ["act_1", "act_2"]),
    (Fourier(), ["relu_1"]),
]


@pytest.mark.parametrize(("model", "layers"), SIRENS)
def test_what_a_space_lists_and_a_layer_feeds_is_searched(model, layers):
    assert list(find_layers(model, "physics").layers) == layers
    assert all("sin" not in path for path in find_layers(nn.Sequential(model, nn.ReLU())).layers)


def test_a_listed_activation_is_still_a_head_or_a_gate():
    assert "output head" in find_layers(nn.Sequential(*mlp(), Sine()), "physics").left_alone["3.sin_1"]
    plan = find_layers(nn.Sequential(Gated(), nn.ReLU()), ["relu", "sigmoid", "tanh"])
    assert "is a gate" in plan.left_alone["0.sigmoid_1"]


class Distilled(nn.Module):
    """A student, and a teacher of another size."""

    def __init__(self):
        super().__init__()
        self.student = mlp(nn.ReLU(), nn.Linear(4, 1))
        self.teacher = nn.ModuleDict({"net": nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 1))})


def test_a_frozen_part_in_evaluation_mode_stays_as_it_was_trained():
    model = Distilled()
    model.teacher.requires_grad_(False)
    assert "teacher.net.1" in find_layers(model).layers  # it may be frozen for a while
    model.teacher.eval()
    plan = find_layers(model)
    assert list(plan.layers) == ["student.1", "student.3"]
    assert "it is part of teacher.net, which is frozen and in evaluation" in plan.left_alone["teacher.net.1"]
    space = SearchSpace("s", ("tanh",), layers=(LayerRule(match="*.net.1"),))
    assert "teacher.net.1" in find_layers(model, space).layers
    assert "teacher.net.1" in find_layers(model.requires_grad_(False)).layers
    assert "teacher.net.1" in find_layers(Distilled().eval()).layers


class Convex(nn.Module):
    """Weights that must not be negative, by a call, by a local name and by a parametrization."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.q = nn.Linear(4, 4), nn.Linear(4, 4), nn.Parameter(torch.ones(4))
        self.act = nn.ReLU()
        torch.nn.utils.parametrize.register_parametrization(self.b, "weight", nn.ReLU())

    def forward(self, x):
        weight = self.a.weight
        h = F.elu(F.linear(x, F.relu(weight.t()), self.a.bias) + self.q)  # of an input and a parameter
        moved = self.q * 1
        moved = moved.expand_as(h)
        moved += self.b(h * self.act(self.q))
        return F.gelu(moved)


def test_what_computes_a_parameter_stays():
    plan = find_layers(Convex(), ["relu", "tanh"])
    assert list(plan.layers) == ["elu_1", "gelu_1"]
    stay = {path for path, why in plan.left_alone.items() if why.startswith("it computes a parameter")}
    assert stay == {"relu_1", "act", "b.parametrizations.weight.0"}
