"""What derive and finalize say of a choice that means little, and that they are silent otherwise."""

import pytest
import torch
from torch import nn

import autoact
from autoact.nn import AutoActivation, DoubtfulChoiceWarning
from autoact.nn._deriving import POOR


def model(**arguments):
    return nn.Sequential(AutoActivation(["relu", "tanh"], start="relu", **arguments), nn.Linear(3, 1))


def moved(net):
    with torch.no_grad():
        net[0].logits.copy_(torch.tensor([-30.0, 30.0]))
    return net


def test_a_model_as_new_and_a_trained_one_are_derived_in_silence():
    assert str(autoact.derive(model())) == "0=relu"
    net = moved(model(release_steps=1))
    net(torch.randn(9, 3))
    assert str(autoact.derive(net)) == "0=tanh"


def test_an_optimizer_without_the_logits():
    net = model()
    for _ in range(8):
        net(torch.randn(9, 3))
    with pytest.warns(DoubtfulChoiceWarning, match=r"^0: ran in training, .* never moved.*after convert"):
        autoact.finalize(net)


def test_a_release_of_zero():
    net = moved(model(release_steps=None))
    net[0].observe(torch.randn(9))
    with pytest.warns(DoubtfulChoiceWarning, match="`release` is 0"):
        autoact.derive(net)


def test_nothing_observed():
    net = moved(model())
    net[0].release.fill_(1)
    with pytest.warns(DoubtfulChoiceWarning, match=r"no inputs were observed.*layer\.observe"):
        autoact.derive(net)


def test_a_poor_projection():
    layer = AutoActivation(["relu", "sin"])
    net = nn.Sequential(layer)
    layer(torch.randn(999))
    assert layer.projection().error > POOR
    with pytest.warns(DoubtfulChoiceWarning, match=r"10% of its deviation.*finalize.*run_search"):
        autoact.finalize(net)


def test_layers_with_the_same_doubt_share_a_line():
    net = nn.Sequential(*(AutoActivation(["relu", "elu"], start="relu") for _ in range(7)))
    for _ in range(8):
        net(torch.randn(9, 3))
    with pytest.warns(DoubtfulChoiceWarning, match="^0, 1, 2, 3, 4 and 2 more: ") as found:
        autoact.derive(net)
    assert len(found) == 1
