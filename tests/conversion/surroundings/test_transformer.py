"""torch's transformer layers take a fused path in eval mode that would ignore a replaced activation."""

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import KEY, apply, auto_layers, convert, finalize, find_layers
from autoact.spaces import Assignment, Choice

MASK = torch.tensor([[False, False, False, True, True], [False] * 5])


def encoder(activation=F.relu, layers=2):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0, activation=activation)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=bool(layer.activation_relu_or_gelu))


def outputs(model, training, grad, mask):
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    model.train(training)
    with torch.set_grad_enabled(grad):
        result = model(x, src_key_padding_mask=mask)
    return result if mask is None else result[~mask]


CASES = [
    pytest.param(training, grad, mask, id=f"{training=} {grad=} mask={mask is not None}")
    for training in (True, False)
    for grad in (True, False)
    for mask in (None, MASK)
]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize(("training", "grad", "mask"), CASES)
@pytest.mark.parametrize("activation", [F.relu, F.gelu, nn.GELU()], ids=["F.relu", "F.gelu", "nn.GELU"])
def test_converted_applied_and_finalized_encoders_compute_the_same(activation, training, grad, mask):
    model = encoder(activation)
    before = outputs(model, training, grad, mask)
    convert(model)
    assert list(auto_layers(model)) == ["layers.0.activation", "layers.1.activation"]
    assert torch.allclose(outputs(model, training, grad, mask), before, atol=2e-6)
    finalize(model)
    assert torch.equal(outputs(model, training, grad, mask), before)


@pytest.mark.parametrize(("training", "grad", "mask"), CASES)
def test_the_mixture_itself_is_what_runs(training, grad, mask):
    model = convert(encoder(), ["relu", "tanh"])
    before = outputs(model, training, grad, mask)
    for layer in auto_layers(model).values():
        layer.release.fill_(1.0)
    assert not torch.allclose(outputs(model, training, grad, mask), before, atol=1e-3)
    tanh = apply(encoder(), Assignment({"layers.0.activation": "tanh", "layers.1.activation": "tanh"}))
    tanh.load_state_dict(model.state_dict(), strict=False)
    plain = encoder(torch.tanh)
    assert plain.load_state_dict(tanh.state_dict(), strict=False) == (
        [],
        [KEY, f"layers.0.{KEY}", f"layers.1.{KEY}"],
    )
    assert torch.equal(outputs(tanh, training, grad, mask), outputs(plain, training, grad, mask))


def flags(model):
    return [layer.activation_relu_or_gelu for layer in model.layers], model.use_nested_tensor


def test_flags_follow_the_activation():
    model = encoder()
    assert flags(model) == ([1, 1], True)
    apply(model, Assignment({"layers.1.activation": "tanh"}))
    assert flags(model) == ([1, 0], False)
    apply(model, Assignment({"layers.1.activation": "gelu"}))
    assert flags(model) == ([1, 2], True)
    apply(model, Assignment({"layers.1.activation": "gelu_tanh"}))
    assert flags(model) == ([1, 0], False)
    convert(model)
    assert flags(model) == ([0, 0], False)
    finalize(model)
    assert flags(model) == ([1, 0], False)


def test_nested_tensors_that_were_off_stay_off():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    assert not finalize(convert(model)).use_nested_tensor


def test_decoder_layers_and_whole_transformers():
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True).eval()
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    before = model(x, x)
    assert set(find_layers(model).layers.values()) == {Choice("relu")}
    convert(model)
    assert list(auto_layers(model)) == ["encoder.layers.0.activation", "decoder.layers.0.activation"]
    assert torch.allclose(model(x, x), before, atol=2e-6)
    assert torch.allclose(finalize(model)(x, x), before, atol=2e-6)


@pytest.mark.parametrize("choice", ["gelu", "silu", "swish"])
def test_copies_and_pickles_of_a_decoder_keep_its_activation(choice):
    """torch's decoder layer takes ReLU for a copy whose `activation` is a module and no plain attribute."""
    x, memory = torch.randn(2, 2, 3, 8, generator=torch.Generator().manual_seed(0))
    layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, dropout=0.0, activation=F.gelu).eval()
    for model in (
        convert(copy.deepcopy(layer), ["gelu", "relu"]),
        apply(copy.deepcopy(layer), {"activation": choice}),
        finalize(apply(copy.deepcopy(layer), {"activation": choice})),
    ):
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        for other in (copy.deepcopy(model), torch.load(file, weights_only=False)):
            assert torch.equal(other(x, memory), model(x, memory))
            assert other.activation is not model.activation or choice == "gelu"


def test_the_activation_that_a_copy_of_a_decoder_really_has_is_converted():
    layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, activation=nn.Mish())
    decoder = nn.TransformerDecoder(layer, 1)  # a copy, which computes ReLU
    assert find_layers(decoder).layers == {"layers.0.activation": Choice("relu")}
    convert(decoder, ["relu", "tanh"])
    assert isinstance(finalize(apply(decoder, {"layers.0.activation": "tanh"})).layers[0].activation, nn.Tanh)
