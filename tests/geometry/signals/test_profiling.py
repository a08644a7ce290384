"""What a profile measures against what was put in, for modules, calls in source, images and sequences."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import autoact
from autoact import analysis
from autoact.errors import DataError, UnsupportedInputError
from autoact.geometry import dead_units, initialize, profile


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(64, 512), nn.Linear(512, 512), nn.Linear(512, 3)
        nn.init.normal_(self.a.weight, std=1 / 8)
        nn.init.zeros_(self.a.bias)

    def forward(self, x):
        h = F.relu(self.a(x), inplace=True)
        h = torch.tanh(self.b(h)) + F.leaky_relu(self.b(h), 0.3)
        return self.c(h)


def batches(count: int = 4, *shape: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(256, *(shape or (64,)), generator=draw) for _ in range(count)]


@pytest.mark.parametrize("name", ["relu", "silu", "tanh", "selu", "prelu"])
def test_under_normal_pre_activations_measured_values_are_the_functions_own(name):
    linear = nn.Linear(64, 512)
    nn.init.normal_(linear.weight, std=1 / 8)
    nn.init.zeros_(linear.bias)
    found = profile(nn.Sequential(linear, autoact.FixedActivation(name)), batches())["1"]
    want = analysis.gradient_noise(name)
    assert found.own_kappa == pytest.approx(want, rel=1e-3)
    assert found.kappa == pytest.approx(want, rel=0.05)
    assert found.own_chi == pytest.approx(analysis.chi(name, weight_variance=1.0), rel=0.03)
    assert found.chi == pytest.approx(found.own_chi, rel=0.08)
    assert (found.mean, found.std) == pytest.approx((0.0, 1.0), abs=0.05)


def test_calls_in_source_are_layers_and_nothing_changes():
    model = Functional().train()
    x = batches(1)[0]
    before, state = model(x), {k: v.clone() for k, v in model.state_dict().items()}
    found = profile(model, [x])
    assert [(path, layer.activation) for path, layer in found.items()] == [
        ("relu_1", "relu"), ("tanh_1", "tanh"), ("leaky_relu_1", "leaky_relu")
    ]  # fmt: skip
    assert found["leaky_relu_1"].own_kappa == pytest.approx(2 * (1 + 0.3**2) / 1.3**2, rel=1e-3)
    assert found["relu_1"].kappa == pytest.approx(2.0, rel=0.1)
    assert torch.equal(model(x), before)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_batch_norms_running_statistics_stay():
    model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU()).train()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    profile(model, batches())
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("feeding", "act", "shape"),
    [
        (nn.Conv2d(3, 10, 3), nn.PReLU(10), (3, 9, 9)),
        (nn.Conv1d(3, 10, 3), nn.PReLU(10), (3, 9)),
        (nn.Conv1d(3, 10, 3), autoact.FixedActivation("prelu", slope=(0.0,) * 10), (3, 9)),
        (nn.Conv1d(3, 10, 3), autoact.AutoActivation(["relu"], granularity="channel", channels=10), (3, 9)),
        (nn.Linear(6, 10), nn.ELU(), (5, 6)),
        (nn.Linear(6, 10), autoact.AutoActivation(["relu", "tanh"]), (6,)),
    ],
)
def test_dead_units_of_images_sequences_and_vectors(feeding, act, shape):
    if isinstance(act, nn.PReLU):
        nn.init.zeros_(act.weight)
    act = act if not isinstance(act, nn.ELU) else nn.ReLU()
    with torch.no_grad():
        feeding.bias[[2, 7]] = -1e4
    units = dead_units(nn.Sequential(feeding, act), batches(3, *shape))["1"]
    assert units.nonzero().ravel().tolist() == [2, 7]


@pytest.mark.parametrize("act", [nn.PReLU(10), autoact.FixedActivation("prelu", slope=(0.1,) * 10)])
def test_parameters_per_channel_in_one_dimension_are_initialized(act):
    model = nn.Sequential(nn.Conv1d(3, 10, 3), act, nn.Conv1d(10, 2, 3), nn.ReLU())
    made = initialize(model, torch.randn(64, 3, 9))
    assert made["2"].second_moment == pytest.approx(1.0, rel=1e-4)


def test_a_unit_that_wakes_up_in_the_window_is_not_dead():
    layer = nn.Linear(1, 2, bias=False)
    nn.init.ones_(layer.weight)
    quiet, loud = -torch.ones(8, 1), torch.ones(8, 1)
    model = nn.Sequential(layer, nn.ReLU())
    assert dead_units(model, [quiet, quiet])["1"].tolist() == [True, True]
    assert dead_units(model, [quiet, loud, quiet])["1"].tolist() == [False, False]


def test_gradients_are_those_of_the_loss():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 1))
    x, y = batches(1)[0], torch.randn(256, 1)

    def loss(model: nn.Module, batch: Any) -> torch.Tensor:
        return F.mse_loss(model(batch[0]), batch[1])

    found = profile(model, [(x, y)], loss=loss)["1"]
    z = model[0](x).detach().requires_grad_()
    (want,) = torch.autograd.grad(F.mse_loss(model[2](torch.tanh(z)), y), z)
    assert found.gradient == pytest.approx(float(want.square().mean().sqrt()), rel=1e-5)


def deep(gain: float, depth: int = 20, act: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(64, 64)
        nn.init.normal_(linear.weight, std=gain / 8)
        layers += [linear, act()]
    return nn.Sequential(*layers)


def test_warnings_name_layer_and_remedy():
    vanishing = " ".join(profile(deep(0.3), batches()).warnings)
    assert "gradients vanish: at 1 they are" in vanishing
    assert "geometry.initialize(model, batch)" in vanishing
    saturated = profile(deep(60.0, depth=3), batches()).warnings
    assert any(w.startswith("3 (tanh): χ is") and "under N(0, 1) it would be" in w for w in saturated)
    linear = nn.Linear(64, 10)
    nn.init.constant_(linear.bias, -3.0)
    dead = nn.Sequential(linear, nn.ReLU())
    (first, *_), text = profile(dead, batches()).warnings, str(profile(dead, batches()))
    assert first.startswith("1 (relu): ")
    assert "of the units got no gradient in 4 batches. Use a function with a slope below 0" in first
    assert "warning: 1 (relu)" in text


def test_a_noisier_layer_than_its_function_is_warned_of():
    linear = nn.Linear(64, 256)
    nn.init.normal_(linear.weight, std=1 / 8)
    nn.init.constant_(linear.bias, -1.0)
    found = profile(nn.Sequential(linear, nn.ReLU()), batches())
    want = analysis.gradient_noise("relu", mean=-1.0)
    assert found["1"].kappa == pytest.approx(want, rel=0.05)
    (warning,) = (w for w in found.warnings if "gradient noise" in w)
    assert "its own under N(0, 1) 2, for z has mean -1" in warning


def test_a_healthy_model_has_no_warnings():
    linear = nn.Linear(64, 256)
    nn.init.normal_(linear.weight, std=2**0.5 / 8)
    assert profile(nn.Sequential(linear, nn.ReLU(), nn.Linear(256, 3)), batches()).warnings == ()


def test_even_functions_have_infinite_own_noise():
    found = profile(nn.Sequential(nn.Linear(64, 64), autoact.FixedActivation("abs")), batches())
    assert found["1"].own_kappa == math.inf


def test_no_batch():
    with pytest.raises(DataError, match="No batch to profile"):
        profile(nn.ReLU(), [])


def test_one_tensor_is_one_batch():
    x = batches(1)[0]
    model = nn.Sequential(nn.Linear(64, 8), nn.Tanh())
    assert profile(model, x)["1"] == profile(model, [x])["1"]


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(64, 8), nn.Linear(3, 8)

    def forward(self, x, more, scale=1.0):
        return torch.tanh(self.a(x) + scale * self.b(more))


class OneMapping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(64, 8)

    def forward(self, batch):
        return {"logits": F.relu(self.a(batch["features"]))}


def test_batches_of_several_inputs_arrays_and_mappings():
    x, more = batches(1)[0], torch.randn(256, 3)
    model = TwoInputs()
    want = profile(model, [(x, more, torch.zeros(256))])["tanh_1"]
    assert want == profile(model, [{"x": x, "more": more, "labels": torch.zeros(256)}])["tanh_1"]
    assert want == profile(model, [(x.numpy(), more.numpy())])["tanh_1"]
    assert profile(OneMapping(), [{"features": x}])["relu_1"].second_moment > 0
    for batch in ((x, more), {"x": x, "more": more, "labels": torch.zeros(256)}):
        (done,) = initialize(model, batch).values()
        assert done.second_moment == pytest.approx(1.0, rel=1e-5)


def test_what_is_no_batch_of_the_model():
    model = nn.Sequential(nn.Linear(64, 8), nn.Tanh())
    with pytest.raises(UnsupportedInputError, match=r"Sequential does not take a batch of \(5, 3\)"):
        profile(model, [torch.randn(5, 3)])
    with pytest.raises(UnsupportedInputError, match="NoneType is no batch"):
        initialize(model, None)


@pytest.mark.parametrize(
    "activation", [autoact.AutoActivation(["relu", "tanh"]), autoact.FixedActivation("relu")]
)
def test_the_gradient_in_front_of_a_layer_that_works_in_place_is_measured(activation):
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 4), activation, nn.Linear(4, 2)), torch.randn(16, 4)
    found = []
    for activation.in_place in (None, "itself"):
        found.append(str(profile(model, [x])))
    assert found[0] == found[1]
