"""The models that people bring: transformers' own classes, made small from their configurations."""

import copy
import io
from typing import Any

import pytest
import torch

from autoact.conversion import auto_layers, convert, finalize, find_layers, recipe, replay
from tests.conversion.census import census

transformers = pytest.importorskip("transformers")

IDS = {"input_ids": torch.arange(2, 16).view(2, 7)}
PIXELS = {"pixel_values": torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))}
TEXT = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
GPT2 = {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, **TOKENS}
VIT = {key: value for key, value in TEXT.items() if key != "vocab_size"}
NARROW = {"depths": [1, 2], "num_labels": 3}

# class, configuration, inputs, what its activations are, and how many
MODELS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, int]]] = {
    "ResNet": (
        "ResNetForImageClassification",
        {"embedding_size": 8, "hidden_sizes": [8, 16], **NARROW},
        PIXELS,
        {"relu": 10},
    ),
    "MobileNetV2": (
        "MobileNetV2ForImageClassification",
        {"depth_multiplier": 0.25, "image_size": 32, "num_labels": 3},
        PIXELS,
        {"relu6": 35},
    ),
    "ConvNext": (
        "ConvNextForImageClassification",
        {"hidden_sizes": [8, 16], "num_stages": 2, "patch_size": 2, **NARROW},
        PIXELS,
        {"gelu": 3},
    ),
    "ViT": (
        "ViTForImageClassification",
        {**VIT, "intermediate_size": 24, "image_size": 32, "patch_size": 8},
        PIXELS,
        {"gelu": 2},
    ),
    "Bert": (
        "BertForSequenceClassification",
        {**TEXT, "intermediate_size": 24},
        IDS,
        {"gelu": 2, "tanh": 1},
    ),
    "GPT2": ("GPT2LMHeadModel", GPT2, IDS, {"gelu_tanh": 2}),
    "Llama": (
        "LlamaForCausalLM",
        {**TEXT, "intermediate_size": 24, "num_key_value_heads": 1},
        IDS,
        {"silu": 2},
    ),
    "ModernBert": (
        "ModernBertForMaskedLM",
        {**TEXT, "intermediate_size": 24, **TOKENS},
        IDS,
        {"gelu": 3},
    ),
}
BLOCKS = {"Llama": {"SwiGLU"}, "ModernBert": {"GeGLU"}}
OTHERS = {"Llama": ["model.rotary_emb.sin_1"], "ModernBert": ["model.rotary_emb.sin_1"]}


def build(name):
    kind, settings, _, _ = MODELS[name]
    torch.manual_seed(0)
    made = getattr(transformers, kind)
    model = made(made.config_class(**settings))
    for parameter in model.parameters():  # no output is exactly zero
        parameter.data.add_(0.02 * torch.randn(parameter.shape))
    return model


def logits(model, name, training=False):
    model.train(training)
    torch.manual_seed(1)
    with torch.no_grad():
        return model(**MODELS[name][2]).logits.double()


def distance(one, other):
    return ((one - other).norm() / other.norm()).item()


FAST = {"GPT2", "ResNet"}  # a transformer and a convolutional network


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name not in FAST)) for name in MODELS],
    scope="module",
)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def original(name):
    return build(name).eval()


@pytest.fixture
def model(original):
    return copy.deepcopy(original)


@pytest.mark.slow
def test_every_activation_that_runs_is_converted_and_no_other(name, model):
    plan = find_layers(model)
    with census(model) as before:
        logits(model, name)
    assert set(plan.layers) == set(before)
    assert before.total() == len(plan.layers)
    kinds = [choice.activation for choice in plan.layers.values()]
    assert {kind: kinds.count(kind) for kind in kinds} == MODELS[name][3]
    convert(model)
    assert set(auto_layers(model)) == set(before)
    with census(model) as after:
        logits(model, name)
    assert set(after) <= set(auto_layers(model))  # which leave small tensors to torch's functions
    assert set(plan.blocks.values()) == BLOCKS.get(name, set())
    assert list(plan.left_alone) == OTHERS.get(name, [])


@pytest.mark.slow
def test_outputs_are_kept_by_conversion_and_by_finalizing(name, model):
    evaluated = logits(model, name)
    fresh = copy.deepcopy(model)
    trained = logits(fresh, name, training=True)
    for converted in (convert(copy.deepcopy(model)), finalize(convert(copy.deepcopy(model)))):
        assert distance(logits(copy.deepcopy(converted), name, training=True), trained) < 1e-6
        assert distance(logits(converted, name), evaluated) < 1e-6


@pytest.mark.slow
def test_a_state_dict_makes_the_round_trip(name, model):
    convert(model)
    for layer in auto_layers(model).values():
        layer.release.fill_(0.5)
    buffer = io.BytesIO()
    torch.save({"state": model.state_dict(), "recipe": recipe(model)}, buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)
    fresh = replay(build(name), saved["recipe"])
    fresh.load_state_dict(saved["state"])
    assert torch.equal(logits(fresh, name), logits(model, name))


@pytest.mark.slow
def test_gradients_reach_every_layer(name, model):
    convert(model)
    model(**MODELS[name][2]).logits.sum().backward()
    assert all(layer.logits.grad is not None for layer in auto_layers(model).values())
