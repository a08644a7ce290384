"""A layer keeps the activation that it had unless what it learned is clearly another."""

import pytest
import torch
from torch import nn

import autoact
from autoact import AutoActivation, Choice
from autoact.nn import DoubtfulChoiceWarning
from autoact.spaces import LayerRule
from autoact.training.callback._kept_originals import CLEAR, departure, with_originals


def mixed(toward: str, share: float, *, start: str = "relu") -> AutoActivation:
    """A layer that computes a share of an activation, and relu for the rest."""
    layer = AutoActivation(["relu", toward], start=start, release_steps=None)
    with torch.no_grad():
        layer.release.fill_(1.0)
        layer.logits.copy_(torch.tensor([1 - share, share]).log())
    return layer


def converted(layers: dict[str, float]) -> nn.Module:
    model = autoact.convert(nn.Sequential(*(nn.ReLU() for _ in layers)), ["relu", "sin", "tanh"])
    for layer, (name, share) in zip(autoact.auto_layers(model).values(), layers.items(), strict=True):
        with torch.no_grad():
            layer.release.fill_(1.0)
            weights = torch.full((3,), 1e-6)
            weights[0], weights[layer.candidates.index(name)] = 1 - share, share
            layer.logits.copy_(weights.log())
    return model


def test_departure_is_in_deviations_of_what_was_learned():
    layer = mixed("sin", 0.5)
    z = layer.quantiles
    learned = 0.5 * z.relu() + 0.5 * z.sin()
    wanted = (learned - z.relu()).square().mean().sqrt() / learned.std()
    assert departure(layer, Choice("relu")) == pytest.approx(float(wanted), rel=1e-4)
    assert departure(mixed("sin", 1e-6), Choice("relu")) == pytest.approx(0.0, abs=1e-4)


def test_silu_is_near_relu_and_elu_is_clearly_another():
    near, far = (departure(mixed(name, 1 - 1e-6), Choice("relu")) for name in ("silu", "elu"))
    assert 0.3 < near < CLEAR < far < 0.5


def test_near_layers_keep_their_own_and_far_ones_change():
    model = converted({"sin": 0.99, "tanh": 0.3})
    with pytest.warns(DoubtfulChoiceWarning):
        nearest = autoact.derive(model)
    kept = with_originals(model, nearest)
    assert nearest["0"] == kept["0"] == Choice("sin")
    assert departure(autoact.auto_layers(model)["1"], Choice("relu")) <= CLEAR
    assert kept["1"] == Choice("relu")


def test_the_original_comes_back_with_its_settings():
    model = autoact.convert(nn.Sequential(nn.LeakyReLU(0.2)), ["relu", "tanh"])
    assert with_originals(model, autoact.Assignment({"0": "relu"}))["0"] == Choice(
        "leaky_relu", negative_slope=0.2
    )


def test_a_layer_placed_by_hand_keeps_its_start_and_a_uniform_one_has_none():
    model = nn.Sequential(mixed("tanh", 0.01), mixed("tanh", 0.01, start="uniform"))
    kept = with_originals(model, autoact.Assignment({"0": "tanh", "1": "tanh"}))
    assert (kept["0"], kept["1"]) == (Choice("relu"), Choice("tanh"))


def test_layers_by_channel_are_one_choice():
    layer = AutoActivation(["relu", "tanh"], granularity="channel", channels=3, start="tanh")
    assert departure(layer, Choice("tanh")) == pytest.approx(0.0, abs=1e-4)
    assert departure(layer, Choice("relu")) > CLEAR


def test_every_path_of_a_shared_choice_is_kept():
    space = autoact.SearchSpace(["relu", "tanh"], layers=[LayerRule(match="*", share="group")])
    model = autoact.convert(nn.Sequential(nn.ReLU(), nn.ReLU()), space)
    kept = with_originals(model, autoact.Assignment({"0": "tanh", "1": "tanh"}))
    assert dict(kept.items()) == {"0": Choice("relu"), "1": Choice("relu")}
