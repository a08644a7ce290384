"""Fine-tuning of a derived model: layers with parameters learn theirs, the others stay as they are."""

from typing import Any

import pytest
from torch import nn

from autoact import Assignment, AutoActivation, Choice
from autoact.training import train
from autoact.training.fit import Refining
from tests.training.models import LENGTH, Regression, layers

SPACE = ["relu", "prelu", "gelu", "tanh"]


@pytest.mark.parametrize("others", ["gelu", "relu", "tanh"])
def test_a_layer_without_parameters_stays_while_another_learns_its_own(others, loaders, tmp_path):
    module, derived = (
        Regression(),
        Assignment({"net.1": Choice("prelu", {"slope": 0.25}), "net.3": Choice(others)}),
    )
    refining = Refining(module, derived, SPACE, {})
    trainer = refining.trainer({"max_epochs": 2, "accelerator": "cpu"}, 1.0, str(tmp_path))
    assert trainer is not None
    trainer.fit(module, *loaders)
    found = refining.assignment()
    assert found["net.1"].activation == "prelu"
    assert found["net.1"].parameters["slope"] != 0.25
    assert found["net.3"] == derived["net.3"]


@pytest.mark.parametrize(
    ("settings", "learns"),
    [
        ({}, True),
        ({"learn_parameters": False}, False),
        ({"bounds": {"prelu": {"slope": [0.1, 0.3]}}}, False),  # the space has no such bounds
    ],
)
def test_a_layer_of_the_models_own_keeps_its_bounds_and_what_it_does_not_learn(settings, learns):
    module = Regression()
    module.net[1] = AutoActivation(["relu", "prelu"], **settings)
    found = {"error": 0.1, "errors": {"relu": 0.1, "prelu": 0.1}, "values": {"prelu.slope": 0.2}}
    refining = Refining(module, Assignment({"net.1": "relu"}), SPACE, {"net.1": found})
    assert refining.learns == {"net.1": learns}
    assert refining.derived["net.1"].activation == ("prelu" if learns else "relu")


def test_layers_of_one_name_learn_or_stay_together(loaders, tmp_path):
    module = Regression()
    derived = Assignment({"net.1": Choice("tanh"), "net.3": Choice("tanh")})
    refining = Refining(module, derived, SPACE, {})
    trainer = refining.trainer({"max_epochs": 10, "accelerator": "cpu"}, 1.0, str(tmp_path))
    assert trainer is not None
    trainer.fit(module, *loaders)
    assert (refining.share, refining.assignment()) == (0.1, derived)
    assert isinstance(module.net[1], nn.Tanh)


class Late(Regression):
    """Makes its layers whenever a stage of a Trainer begins."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        del self.net

    def setup(self, stage: str) -> None:
        type(self).made += 1
        self.net = layers(8)


def test_layers_made_in_setup_are_tuned_and_not_made_again(loaders):
    Late.made = 0
    settings: dict[str, Any] = {"seed": 0, "monitor": "val_loss", "trainer": LENGTH}
    found = train(Late, loaders, **settings, space=["prelu", "relu"], fine_tune=0.5)
    assert "fine_tuned" in found.mixture["discretization"]
    assert Late.made == 1
