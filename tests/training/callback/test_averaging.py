"""Averages of weights beside a search of activations."""

from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, StochasticWeightAveraging

from autoact import auto_layers, derive
from autoact.errors import ConfigurationError
from autoact.training import ActivationSearch
from tests.training.models import Regression

SPACE = ["relu", "tanh", "elu"]
AVERAGERS = {
    "ema": lambda: EMAWeightAveraging(decay=0.9),
    "swa": lambda: StochasticWeightAveraging(swa_lrs=1e-2, swa_epoch_start=1),
}
# these trainings need no validation
pytestmark = pytest.mark.filterwarnings("ignore:You defined a .validation_step. but have no")
averaging = pytest.mark.parametrize("average", AVERAGERS)


class Setup(Regression):
    """Layers in __init__, and a setup for something else."""

    def setup(self, stage: str) -> None:
        self.ready = True


@averaging
def test_the_assignment_is_that_of_the_averaged_model(module, loader, make_trainer, average):
    model, callback = module(), ActivationSearch(SPACE, lr=0.3)
    trainer = make_trainer(callback, AVERAGERS[average](), max_epochs=4)
    trainer.fit(model, loader)
    layers = auto_layers(model)
    assert callback.derived == derive(model)
    assert {layer.release.item() for layer in layers.values()} == {1.0}


@pytest.mark.slow
@averaging
def test_logits_are_averaged_with_the_weights(module, loader, make_trainer, average):
    logits = []
    for callbacks in ([], [AVERAGERS[average]()]):
        torch.manual_seed(0)
        model = module()
        make_trainer(ActivationSearch(SPACE, lr=0.1), *callbacks, max_epochs=4).fit(model, loader)
        logits.append(auto_layers(model)["net.1"].logits.detach())
    distances = [(value - auto_layers(model)["net.1"].anchor).norm() for value in logits]
    assert 0 < distances[1] < distances[0]  # an average lags behind


@averaging
def test_a_wrong_order_names_the_right_one(module, loader, make_trainer, average):
    with pytest.raises(ConfigurationError, match=r"copies the model before .* list ActivationSearch first"):
        make_trainer(AVERAGERS[average](), ActivationSearch(SPACE)).fit(module(), loader)


def test_a_copy_of_the_unconverted_model_is_refused(loader, make_trainer):
    """Lightning would average tensors by position: logits with weights."""
    with pytest.raises(ConfigurationError, match=r"StochasticWeightAveraging copied Setup before.*convert"):
        make_trainer(ActivationSearch(SPACE), AVERAGERS["swa"]()).fit(Setup(), loader)


@pytest.mark.filterwarnings("ignore:You're using the WeightAveraging callback with a model that overrides")
@averaging
def test_a_model_converted_beforehand_can_be_averaged(loader, make_trainer, average):
    from autoact import convert

    model: Any = Setup()
    convert(model, SPACE)
    callback = ActivationSearch(SPACE)
    make_trainer(callback, AVERAGERS[average]()).fit(model, loader)
    assert callback.derived == derive(model)
