"""Layers that a user placed by hand are searched like converted ones, alone or beside them."""

import logging

import pytest
import torch
from torch import nn

import autoact
from autoact.errors import ConfigurationError, ConversionError
from autoact.training import ActivationSearch
from autoact.training.callback._activation_search import GUESS
from tests.training.models import Regression


class Hand(Regression):
    """Two layers of its own: one starts as tanh, the other from the mean of all."""

    def __init__(self) -> None:
        super().__init__()
        self.net[1] = autoact.AutoActivation(["relu", "tanh"], start="tanh")
        self.net[3] = autoact.AutoActivation(["elu", "tanh", "softplus"])


class Half(Regression):
    """One layer placed by hand beside a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.net[1] = autoact.AutoActivation(["relu", "tanh"], start="tanh")


@pytest.fixture
def fit(make_trainer, loaders):
    def call(module, **settings):
        search = ActivationSearch(["relu", "gelu"], **settings)
        trainer = make_trainer(search)
        trainer.fit(module, *loaders)
        return search, trainer

    return call


@pytest.mark.parametrize("start", ["same", "uniform"])
def test_they_are_released_observed_and_derived(fit, start):
    module = Hand()
    search, _ = fit(module, start=start)
    first, second = module.net[1], module.net[3]
    assert (first.candidates, second.candidates) == (("relu", "tanh"), ("elu", "tanh", "softplus"))
    assert [float(layer.release) for layer in (first, second)] == [1.0, 1.0]
    assert all(int(layer.observed) > 1 for layer in (first, second))
    assert list(search.assignment) == ["net.1", "net.3"]


def test_a_uniform_one_is_a_mixture_from_the_first_step_on(loaders, make_trainer):
    seen = []

    class Watched(Hand):
        def training_step(self, batch, batch_idx):
            seen.append(tuple(float(self.net[i].release) for i in (1, 3)))
            return super().training_step(batch, batch_idx)

    make_trainer(ActivationSearch(release=(0.0, 0.5))).fit(Watched(), *loaders)
    assert seen[0] == (0.0, 1.0)
    assert {second for _, second in seen} == {1.0}
    assert seen[-1] == (1.0, 1.0)


def test_their_logits_are_stepped_by_the_optimizer_of_the_search(fit):
    module = Hand()
    search, trainer = fit(module, lr=0.02)
    held = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
    assert not held & {id(layer.logits) for layer in autoact.auto_layers(module).values()}
    assert {id(p) for p in search._optimizer.parameters} >= {id(module.net[1].logits)}


def test_what_is_beside_them_is_converted(fit):
    module = Half()
    search, _ = fit(module)
    assert module.net[1].candidates == ("relu", "tanh")
    assert module.net[3].candidates == ("relu", "gelu")
    assert list(search.assignment) == ["net.1", "net.3"]


@pytest.mark.parametrize("model", [Hand, Half])
def test_a_checkpoint_and_a_fresh_model_take_what_was_learned(fit, model, tmp_path):
    module = model()
    search, trainer = fit(module)
    trainer.save_checkpoint(tmp_path / "mixture.ckpt")
    loaded = model.load_from_checkpoint(tmp_path / "mixture.ckpt")
    x = torch.randn(5, 3)
    assert torch.equal(loaded.net(x), module.net(x))
    plain = autoact.apply(model(), search.assignment)
    assert not autoact.auto_layers(plain)


def test_a_model_with_neither_is_refused(fit):
    class Linear(Regression):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(3, 1))

    with pytest.raises(ConversionError, match="Nothing to convert in Linear"):
        fit(Linear())


def test_they_wait_for_the_callback_and_then_follow_their_own_schedule_again(fit):
    seen = []

    class Watched(Hand):
        def training_step(self, batch, batch_idx):
            seen.append(self.net[1].managed)
            return super().training_step(batch, batch_idx)

    module = Watched()
    fit(module)
    assert set(seen) == {True}
    assert not module.net[1].managed


def test_it_ends_by_saying_that_the_choice_is_a_guess(fit, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("lightning.pytorch"), "propagate", True)
    with caplog.at_level(logging.INFO, "lightning.pytorch.utilities.rank_zero"):
        fit(Hand())
    assert caplog.messages[-1] == GUESS
    assert "\n" not in GUESS
    assert "autoact search" in GUESS


def test_one_that_a_rule_keeps_is_the_modules_own_affair(make_trainer, loaders):
    space = {"candidates": ["relu", "gelu"], "layers": [{"match": "net.3", "keep": True}]}
    search, module = ActivationSearch(space), Hand()
    trainer = make_trainer(search)
    trainer.fit(module, *loaders)
    held = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
    assert id(module.net[3].logits) in held
    assert id(module.net[1].logits) not in held
    assert list(search.assignment) == list(search.derived or ()) == ["net.1"]
    assert list(autoact.auto_layers(autoact.apply(Hand(), search.assignment))) == ["net.3"]


def test_a_rule_that_gives_one_candidates_is_refused(make_trainer, loaders):
    space = {"candidates": ["relu", "gelu"], "layers": [{"match": "net.3", "candidates": ["relu"]}]}
    with pytest.raises(
        ConfigurationError, match=r"gives candidates to net\.3, an AutoActivation of the model's"
    ):
        make_trainer(ActivationSearch(space)).fit(Hand(), *loaders)
