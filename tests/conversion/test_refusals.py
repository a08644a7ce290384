"""What cannot be converted is refused with one line that says what came and what to do."""

import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, derive, finalize, find_layers
from autoact.errors import ConversionError
from autoact.spaces import Assignment


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))


REGISTERED: list[object] = []


def refusing(function):
    """Take the function it was written for, and no other."""
    if REGISTERED:
        raise TypeError("registered twice")
    REGISTERED.append(function)
    return functools.wraps(function)(lambda *arguments: function(*arguments))


class Decorated(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.act = nn.Linear(2, 2), nn.ReLU()

    @refusing
    def forward(self, x):
        return self.inner(F.relu(self.act(self.inner(x))))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.act = nn.Linear(2, 2), nn.ReLU()

    def forward(self, x):
        return self.inner(self.act(self.inner(self.act(x))))


@pytest.mark.parametrize(
    "ask",
    [
        convert,
        find_layers,
        derive,
        finalize,
        auto_layers,
        lambda model: apply(model, Assignment({"1": "tanh"})),
    ],
)
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Net, r"got the class Net\. Pass Net\(\.\.\.\)"),
        (None, r"instance of nn\.Module; got NoneType \(None\)"),
        ({"a": 1}, r"got dict \(\{'a': 1\}\)"),
        (int, r"got int"),
    ],
)
def test_what_is_no_model(ask, model, message):
    with pytest.raises(ConversionError, match=message):
        ask(model)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("compiled", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 2))])
def test_scripted_models_are_refused_and_scripted_parts_left_alone(compiled):
    with pytest.raises(ConversionError, match="script or trace the finalized one"):
        convert(compiled(Net()))
    model = nn.Sequential(compiled(Net()), nn.ReLU(), nn.Linear(1, 1))
    x = torch.ones(3, 2)
    before = model(x)
    assert list(auto_layers(convert(model))) == ["1"]
    assert torch.equal(model(x), before)


def test_a_decorator_that_refuses_is_a_reason():
    plan = find_layers(Decorated())
    assert list(plan.layers) == ["act"]
    reason = plan.left_alone["relu_1"]
    assert "its decorator @refusing cannot be applied again: TypeError: registered twice" in reason


def test_a_wrong_path_lists_layers_only():
    with pytest.raises(ConversionError, match=r"no activation at 'atc'; there are: act_1, act_2\."):
        apply(Twice(), Assignment({"atc": "tanh"}))
    assert isinstance(apply(Twice(), Assignment({"act": "tanh"})), Twice)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_padded_positions_differ_from_the_fused_encoder_and_valid_ones_do_not():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model, x = nn.TransformerEncoder(layer, 1).eval(), torch.randn(2, 4, 8)
    mask = torch.tensor([[False, False, False, True], [False] * 4])
    with torch.no_grad():
        before = model(x, src_key_padding_mask=mask)
        after = convert(model)(x, src_key_padding_mask=mask)
    assert torch.allclose(after[~mask], before[~mask], atol=2e-6)
    assert before[mask].count_nonzero() == 0
    assert after[mask].count_nonzero() > 0


def test_a_converted_model_names_nothing_of_what_conversion_keeps():
    assert not find_layers(convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))).left_alone


def test_a_quantized_model_is_refused():
    quantized = pytest.importorskip("torch.ao.nn.quantized")
    model = nn.Sequential(quantized.Quantize(0.1, 0, torch.quint8), nn.ReLU(), quantized.DeQuantize())
    with pytest.raises(ConversionError, match="0 is a quantized Quantize: activations work on whole"):
        convert(model)


def test_what_has_no_values_yet_is_converted_where_none_are_needed():
    with torch.device("meta"):
        relu, prelu = (nn.Sequential(nn.Linear(2, 2), act(), nn.Linear(2, 1)) for act in (nn.ReLU, nn.PReLU))
    convert(relu)
    with pytest.raises(ConversionError, match=r"a PReLU has no slope yet\. Convert or apply after"):
        convert(prelu)
    with pytest.raises(ConversionError, match="1 is on the meta device, where it has learned nothing"):
        finalize(relu)
