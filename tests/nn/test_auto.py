import copy
import io
import math
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import autoact
from autoact.activations import DEFAULT_CANDIDATES
from autoact.errors import ConfigurationError, ConversionError, UnknownActivationError, UnsupportedInputError
from autoact.nn import AutoActivation
from autoact.nn._relaxations import RELAXATIONS
from autoact.spaces import Choice

NAMES = autoact.list_activations()


def sample(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype) * 3


def per_channel(candidates="default", **settings):
    return AutoActivation(candidates, granularity="channel", channels=4, **settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", NAMES)
def test_an_anchored_start_is_that_activation_bit_for_bit(name, dtype):
    layer = AutoActivation(NAMES, start=name).to(dtype)
    own = autoact.get(name).module() or autoact.get(name)
    own = own.to(dtype) if isinstance(own, nn.Module) else own
    for x in (sample(8, 4, dtype=dtype), sample(500, dtype=dtype)):
        assert torch.equal(layer(x), own(x))


@pytest.mark.parametrize("granularity", ["layer", "channel"])
@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_after_one_sgd_step_every_logit_has_moved(relaxation, granularity):
    x = sample(64, 4)
    layer = AutoActivation(start="relu", relaxation=relaxation, granularity=granularity, channels=4)
    before = layer.logits.detach().clone()
    assert torch.equal(layer(x), F.relu(x))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    F.mse_loss(layer(x), F.elu(x)).backward()
    optimizer.step()
    assert (layer.logits != before).all()


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_release_leads_from_the_start_to_the_relaxation(relaxation):
    layer = AutoActivation(["relu", "tanh", "sin"], start="tanh", relaxation=relaxation)
    assert layer.weights().tolist() == [0.0, 1.0, 0.0]
    layer.release.fill_(1.0)
    assert torch.equal(layer.weights(), RELAXATIONS[relaxation](layer.logits, torch.tensor(1.0)))


def test_training_finds_the_function():
    layer = AutoActivation(["relu", "tanh", "elu"], start="relu")
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    x = sample(256)
    layer.observe(x)
    for step in range(300):
        layer.release.fill_(min(1.0, step / 100))
        optimizer.zero_grad()
        F.mse_loss(layer(x), F.elu(x, alpha=0.3)).backward()
        optimizer.step()
    choice = layer.choice()
    assert choice.activation == "elu"
    assert choice.parameters["alpha"] == pytest.approx(0.3, abs=0.02)
    assert layer.projection().error < 0.02


def test_settings_are_where_parameters_start_in_every_precision():
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x = sample(8, 3, dtype=dtype)
        layer = AutoActivation(start="leaky_relu", settings={"leaky_relu": {"negative_slope": 0.2}}).to(dtype)
        assert torch.equal(layer(x), F.leaky_relu(x, 0.2))


def test_per_channel_settings_with_one_set_of_weights():
    slopes = (0.1, 0.2, 0.3)
    layer = AutoActivation(start="prelu", settings={"prelu": {"slope": slopes}})
    x = sample(5, 3, 2)
    assert layer.logits.shape == (8,)
    assert torch.equal(layer(x), F.prelu(x, torch.tensor(slopes)))
    assert layer.choice().parameters["slope"] == pytest.approx(slopes, abs=1e-6)
    assert isinstance(layer.finalize(), nn.PReLU)


def test_fixed_parameters_never_move_and_learned_ones_do():
    layer = AutoActivation(["leaky_relu", "prelu", "elu"])
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    before = {name: value.item() for name, value in layer.values().items()}
    layer(sample(64)).square().mean().backward()
    optimizer.step()
    moved = {name for name, value in layer.values().items() if value.item() != before[name]}
    assert moved == {"prelu.slope", "elu.alpha"}


def test_parameters_can_be_frozen():
    layer = AutoActivation(["prelu", "elu"], learn_parameters=False)
    assert [p.requires_grad for p in (layer.logits, layer.raw)] == [True, False]


def test_standardize_scales_gradients_and_shifts_nothing():
    x = sample(64)
    plain, scaled = (AutoActivation(["relu", "silu", "tanh"], standardize=flag) for flag in (False, True))
    assert torch.equal(plain(x), scaled(x))
    gradients = []
    for layer in (plain, scaled):
        weights = layer.weights()
        (gradient,) = torch.autograd.grad(weights, layer.logits, torch.tensor([1.0, 0.0, 0.0]))
        gradients.append(gradient)
    deviation = math.sqrt(autoact.analysis.variance("relu"))
    assert torch.allclose(gradients[1], gradients[0] / deviation)


def test_channels_have_their_own_weights():
    layer = per_channel(["relu", "tanh"])
    with torch.no_grad():
        layer.logits[0] = torch.tensor([0.0, 60.0])
        layer.logits[1] = torch.tensor([60.0, 0.0])
    x = sample(5, 4, 3)
    assert torch.allclose(layer(x)[:, 0], torch.tanh(x[:, 0]))
    assert torch.allclose(layer(x)[:, 1], torch.relu(x[:, 1]))
    assert layer.weights().shape == (4, 2)
    assert layer.choice().activation in ("relu", "tanh")


def test_the_choice_of_channels_is_one_activation_with_its_own_parameters():
    layer = per_channel(["relu", "prelu"])
    with torch.no_grad():
        layer.logits[:, 1] = 60.0
        layer.raw[:, 0] = torch.tensor([0.1, 0.0, -0.1, 0.2])
    choice = layer.choice()
    assert choice.activation == "prelu"
    assert choice.parameters["slope"] == pytest.approx((0.35, 0.25, 0.15, 0.45), abs=1e-4)


def test_entropy_and_margin():
    assert AutoActivation().entropy().item() == pytest.approx(math.log(8))
    assert AutoActivation().margin() == 0
    anchored = AutoActivation(start="relu")
    assert anchored.entropy() == 0
    assert anchored.margin() == 1
    assert 0 < anchored.probabilities().max() < 1
    assert AutoActivation(["relu"]).margin() == 1


def test_derived_from_the_inputs_it_saw():
    seen_positive = AutoActivation(["tanh", "prelu"], start="prelu")
    seen_positive.observe(sample(1000).abs())
    with torch.no_grad():
        seen_positive.logits.zero_()
        seen_positive.release.fill_(1.0)
    everywhere = AutoActivation(["tanh", "prelu"])
    assert seen_positive.projection().errors != everywhere.projection().errors


@pytest.mark.parametrize("make", [AutoActivation, per_channel])
def test_layouts_empty_inputs_and_slices(make):
    layer = make()
    x = sample(6, 4, 5, 5)
    expected = layer(x)
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(layer(last), expected, atol=1e-6)
    assert layer(last).is_contiguous(memory_format=torch.channels_last)
    strided = x.transpose(2, 3)
    assert torch.allclose(layer(strided), expected.transpose(2, 3), atol=1e-6)
    assert torch.allclose(layer(x[::2, :, 1:, ::3]), expected[::2, :, 1:, ::3], atol=1e-6)
    empty = layer(x[:0])
    assert empty.shape == (0, 4, 5, 5)
    empty.sum().backward()
    assert torch.equal(layer.logits.grad, torch.zeros_like(layer.logits))


@pytest.mark.parametrize("make", [AutoActivation, per_channel])
def test_gradients_of_everything(make):
    layer = make(start="elu").double()
    x = sample(3, 4, dtype=torch.float64).requires_grad_()

    def run(x, logits, raw):
        return torch.func.functional_call(layer, {"logits": logits, "raw": raw}, (x,))

    # the anchored start is a straight-through estimator: only at release 1 is the gradient that of the value
    layer.release.fill_(1.0)
    assert torch.autograd.gradcheck(run, (x, layer.logits, layer.raw))
    assert torch.autograd.gradgradcheck(run, (x, layer.logits, layer.raw))


def test_bfloat16_autocast_and_a_cast_model_keep_the_softmax_exact():
    layer = AutoActivation()
    x = sample(16, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(F.linear(x, torch.eye(4)))
        assert out.dtype == torch.bfloat16
        assert layer.weights().dtype == torch.float32
    out.float().sum().backward()
    assert layer.logits.grad is not None
    layer.bfloat16()
    assert layer.logits.dtype == layer.temperature.dtype == torch.float32
    assert layer(x.bfloat16()).dtype == torch.bfloat16
    assert layer.double()(x.double()).dtype == torch.float64
    assert layer.float().logits.dtype == torch.float32


def test_the_meta_device_and_back():
    layer = AutoActivation(start="elu", settings={"elu": {"alpha": 0.7}})
    with torch.device("meta"):
        empty = AutoActivation(start="elu", settings={"elu": {"alpha": 0.7}})
    empty.to_empty(device="cpu").load_state_dict(layer.state_dict())
    assert empty.initial.dtype == torch.float64
    x = sample(7)
    assert torch.equal(empty(x), layer(x))
    assert torch.allclose(layer(x), F.elu(x, 0.7), atol=2e-7)


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": "elu", "settings": {"elu": {"alpha": 0.7}}},
        {"granularity": "channel", "channels": 4, "standardize": True, "temperature": 0.5},
    ],
)
def test_a_reset_layer_is_as_new(arguments):
    new, layer = AutoActivation(**arguments), AutoActivation(**arguments)
    layer.observe(sample(8, 4))
    with torch.no_grad():
        for tensor in (*layer.parameters(), *layer.buffers()):
            tensor.add_(1)
    with torch.device("meta"):
        empty = AutoActivation(**arguments)
    empty.to_empty(device="cpu")
    for each in (layer, empty):
        held = [*each.parameters(), *each.buffers()]
        each.reset_parameters()
        assert all(a is b for a, b in zip(held, (*each.parameters(), *each.buffers()), strict=True))
        for name, value in new.state_dict().items():
            assert torch.equal(each.state_dict()[name], value), name
            assert each.state_dict()[name].dtype == value.dtype


@pytest.mark.parametrize("reentrant", [True, False])
def test_activation_checkpointing(reentrant):
    layer, x = AutoActivation(), sample(8, 4).requires_grad_()
    gradients = []
    for run in (layer, lambda x: checkpoint(layer, x, use_reentrant=reentrant)):
        layer.zero_grad()  # sets to None: the next pass makes new tensors
        x.grad = None
        run(x).square().sum().backward()
        gradients.append([t.grad for t in (x, layer.logits, layer.raw)])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("make", [AutoActivation, per_channel])
def test_copies_are_the_same_function(make):
    layer, x = make(start="elu"), sample(8, 4)
    layer.release.fill_(0.5)
    with torch.no_grad():
        layer.logits.add_(torch.linspace(0, 1, 8))
        layer.raw.add_(0.3)
    again = make(start="elu")
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    again.load_state_dict(torch.load(buffer, weights_only=True))
    copies = (again, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)))
    assert all(torch.equal(copied(x), layer(x)) for copied in copies)


def test_the_state_determines_the_function():
    layer = AutoActivation(start="leaky_relu", settings={"leaky_relu": {"negative_slope": 0.2}})
    other = AutoActivation()
    other.load_state_dict(layer.state_dict())
    x = sample(8)
    assert torch.equal(other(x), F.leaky_relu(x, 0.2))


@pytest.mark.slow
def test_compile_and_export():
    layer, x = AutoActivation(start="silu"), sample(8, 4)
    layer.release.fill_(0.5)
    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(x), layer(x), atol=1e-6)
    assert torch.allclose(torch.export.export(layer, (x,)).module()(x), layer(x), atol=1e-6)


def test_one_graph_serves_every_temperature_and_release():
    layer, x = AutoActivation(start="silu"), sample(8, 4)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        for release, temperature in ((0.0, 1.0), (0.5, 0.7), (1.0, 0.3)):
            layer.release.fill_(release)
            layer.temperature.fill_(temperature)
            compiled(x)


def test_it_says_what_it_is():
    layer = AutoActivation(["relu", "tanh"], start="tanh", relaxation="affine")
    assert repr(layer) == "AutoActivation(['relu', 'tanh'], relaxation='affine', start='tanh')"
    assert repr(AutoActivation(**layer.configuration())) == repr(layer)
    with torch.no_grad():
        layer.logits.copy_(torch.tensor([0.7, 0.3]))
    layer.release.fill_(1.0)
    assert repr(layer).endswith("start='tanh', leading: relu 0.70, tanh 0.30, nearest: relu)")
    assert "leading" not in repr(AutoActivation(relaxation="straight_through").to("meta"))


def test_candidates_by_name():
    assert AutoActivation().candidates == AutoActivation("default").candidates == DEFAULT_CANDIDATES
    assert AutoActivation(["swish"]).finalize()
    assert AutoActivation(["SiLU", nn.GELU], start="GELU").configuration() == (
        AutoActivation(["silu", "gelu"], start="gelu").configuration()
    )
    assert AutoActivation(["relu", "tanh"], start="tanh").choice() == Choice("tanh")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"candidates": ["rleu"]}, UnknownActivationError, "'rleu'.*'relu'"),
        ({"candidates": []}, ConfigurationError, "at least one"),
        ({"candidates": ["relu", "relu"]}, ConfigurationError, "'relu' is listed twice"),
        (
            {"candidates": "relu"},
            ConfigurationError,
            r"activation and no search space; give a list: \['relu'\]",
        ),
        ({"candidates": "defalt"}, ConfigurationError, "Did you mean 'default'"),
        ({"start": "relly"}, ConfigurationError, "start is one of uniform, relu.*'relly'"),
        ({"relaxation": "softmx"}, ConfigurationError, "'softmx'.*Did you mean 'softmax'"),
        ({"granularity": "channels"}, ConfigurationError, "Did you mean 'channel'"),
        ({"granularity": "channel"}, ConfigurationError, "needs channels=C"),
        ({"granularity": "channel", "channels": -2}, ConfigurationError, "at least 1; got -2"),
        ({"granularity": "channel", "channels": 0}, ConfigurationError, "at least 1; got 0"),
        ({"channels": 2.5}, ConfigurationError, "whole number of at least 1; got 2.5"),
        ({"channel_dim": "last"}, ConfigurationError, "channel_dim is a whole number.*'last'"),
        ({"temperature": 0.0}, ConfigurationError, "above 0; got 0.0"),
        ({"settings": {"sin": {}}}, ConfigurationError, "'sin', which is not among the candidates"),
        ({"settings": {"elu": {"alfa": 1.0}}}, ConfigurationError, "no parameter 'alfa'"),
        (
            {"settings": {"prelu": {"slope": (0.1, 0.2)}}, "channels": 3},
            ConfigurationError,
            "2 values for 3 channels",
        ),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        AutoActivation(**arguments)


def test_a_diverged_layer_says_so():
    layer = AutoActivation()
    with torch.no_grad():
        layer.logits[0] = float("nan")
    with pytest.raises(ConversionError, match="diverged"):
        layer.choice()


def test_wrong_inputs():
    with pytest.raises(UnsupportedInputError):
        AutoActivation()(torch.ones(3, dtype=torch.long))
    with pytest.raises(UnsupportedInputError, match="channel_dim"):
        per_channel()(torch.ones(2, 5))


def test_torchs_own_names_are_understood() -> None:
    layer = AutoActivation(
        ["ReLU", nn.LeakyReLU], start="ReLU", settings={"LeakyReLU": {"negative_slope": 0.2}}
    )
    assert (layer.candidates, layer.start) == (("relu", "leaky_relu"), "relu")
    assert layer.settings == {"leaky_relu": {"negative_slope": 0.2}}
    with pytest.raises(
        ConfigurationError, match=r"'relu', which is an activation .* give a list: \['relu'\]"
    ):
        AutoActivation("relu")
