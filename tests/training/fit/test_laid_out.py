"""Activations of a fresh module stay its own, whichever hook makes the layers, and however often."""

import copy
import pickle
import warnings
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn

from autoact.errors import ConversionError
from autoact.spaces import Assignment
from autoact.training.fit import with_activations
from tests.search.ordinary import CompiledInSetup, LaterLayers, Plain, layers, loaders

TANH = Assignment({"net.1": "tanh"})


class Hooked(Plain):
    """Has a hook that makes no layers."""

    def configure_model(self) -> None:
        self.configured = True


@pytest.fixture
def trainer(make_trainer: Any) -> L.Trainer:
    return make_trainer(limit_train_batches=1, limit_val_batches=1)


def kind(module: Any) -> str:
    return type(module.net[1]).__name__


def test_layers_that_exist_have_them_at_once() -> None:
    assert kind(with_activations(Plain(), TANH)) == "Tanh"
    assert "configure_model" not in vars(with_activations(Plain(), TANH))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind(with_activations(CompiledInSetup(), TANH)) == "Tanh"


@pytest.mark.filterwarnings("ignore:.*(num_workers|log_every_n_steps|isinstance.treespec)")
@pytest.mark.parametrize(
    "copied", [lambda module: module, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_layers_that_setup_makes_get_them_whenever_it_makes_them(trainer: L.Trainer, copied: Any) -> None:
    with pytest.warns(UserWarning, match=r"LaterLayers has no net\.1 before a Trainer calls its hooks"):
        module = copied(with_activations(LaterLayers(), TANH))
    train, validation, _ = loaders()
    trainer.fit(module, train, validation)
    assert kind(module) == "Tanh"
    first = module.net
    trainer.validate(module, validation, verbose=False)
    assert module.net is not first  # made anew, as the module's own code has it
    assert kind(module) == "Tanh"


@pytest.mark.filterwarnings("ignore:.*(num_workers|log_every_n_steps|isinstance.treespec)")
def test_a_layer_that_stays_keeps_what_it_learned(trainer: L.Trainer) -> None:
    module = with_activations(Hooked(), Assignment({"net.1": "prelu"}))
    with torch.no_grad():
        module.net[1].weight.fill_(0.7)
    layer = module.net[1]
    trainer.validate(module, loaders()[1], verbose=False)
    assert module.net[1] is layer
    assert float(layer.weight.detach()) == pytest.approx(0.7)


def test_other_names_are_an_error_or_a_word() -> None:
    with pytest.raises(ConversionError, match=r"no activation at 'net\.7'"):
        with_activations(Hooked(), Assignment({"net.7": "tanh"}))
    with pytest.warns(UserWarning, match=r"Hooked has no other\.1 before"):
        with_activations(Hooked(), Assignment({"other.1": "tanh"}))


def test_a_model_without_lightning_has_them() -> None:
    assert isinstance(with_activations(layers(), Assignment({"1": "tanh"}))[1], nn.Tanh)
