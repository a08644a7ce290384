"""What the callback leaves in the user's own TensorBoard logger."""

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.checkpoint import checkpoint

import autoact
from autoact.tracking import LayerLogger
from autoact.tracking import _layer_logger as layer_logger
from autoact.training import ActivationSearch
from tests.tracking.noted_budget import NotedBudget
from tests.training.models import Regression, load, rows

SPACE = ["relu", "tanh", "elu"]


@pytest.fixture
def fit(make_trainer, tmp_path):
    def run(loggers, **settings):
        data = load(rows(96), 16), load(rows(32, seed=1), 16)
        defaults = {"max_epochs": 3, "log_every_n_steps": 5}
        trainer = make_trainer(ActivationSearch(SPACE), logger=loggers, **{**defaults, **settings})
        trainer.fit(Regression(), *data)
        return trainer

    return run


def test_every_tag_of_the_contract_arrives(fit, tmp_path):
    fit([CSVLogger(tmp_path), TensorBoardLogger(tmp_path, name="", version="")])
    events = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    events.Reload()
    quantities = ["entropy", "margin", "kappa", "chi", "dead", "parameter/elu.alpha"]
    quantities += ["own_kappa", "saturated", "gradient", "mean", "second_moment"]
    quantities += [f"weight/{name}" for name in SPACE]
    expected = {f"autoact/{path}/{tag}" for path in ("net.1", "net.3") for tag in quantities}
    expected |= {"autoact/logging_share"}
    logged = events.Tags()
    assert {tag for tag in logged["scalars"] if tag.startswith("autoact/")} == expected
    assert set(logged["images"]) == {"autoact/weights", "autoact/functions"}
    assert events.Scalars("autoact/net.1/entropy")[-1].step == 18
    assert "val_loss" in logged["scalars"]


def test_other_loggers_get_nothing_and_do_no_harm(fit, tmp_path, monkeypatch):
    def refuse(self, step):
        raise AssertionError("there is no TensorBoard logger")

    monkeypatch.setattr(LayerLogger, "log", refuse)
    fit([CSVLogger(tmp_path)])
    fit([])


class Recomputed(Regression):
    def loss(self, batch):
        x, y = batch
        return nn.functional.mse_loss(checkpoint(self.net, x, use_reentrant=False), y)


def test_what_is_measured_is_not_what_checkpointing_counts(make_trainer, tmp_path):
    logger = TensorBoardLogger(tmp_path, name="", version="")
    trainer = make_trainer(ActivationSearch(SPACE), logger=logger, max_epochs=1)
    trainer.fit(Recomputed(), load(rows(32), 16), load(rows(16, seed=1), 16))
    assert trainer.global_step == 2


def test_activations_of_torchs_own_are_measured_where_nothing_is_checkpointed(make_trainer, tmp_path):
    @autoact.activation(family="test")
    def logged_bessel(x):
        """What SymPy is not asked to know."""
        return x * torch.special.i0e(x)

    logger = TensorBoardLogger(tmp_path, name="", version="")
    trainer = make_trainer(ActivationSearch(["relu", "logged_bessel"]), logger=logger, max_epochs=1)
    trainer.fit(Regression(), load(rows(32), 16), load(rows(16, seed=1), 16))
    assert trainer.global_step == 2


@pytest.mark.slow
def test_logging_takes_at_most_a_hundredth_of_the_time(fit, tmp_path, monkeypatch):
    """Up to one write that may run over, and the final state, which is always written."""
    monkeypatch.setattr(layer_logger, "TimeBudget", NotedBudget)
    seen = []
    finish = LayerLogger.finish

    def checked(self, step):
        self.budget.require_share()
        seen.append(self.budget.share)
        finish(self, step)

    monkeypatch.setattr(LayerLogger, "finish", checked)
    fit([TensorBoardLogger(tmp_path)], max_epochs=60)
    assert seen == [0.01]


def test_logging_changes_nothing_that_is_learned(fit, tmp_path):
    states = []
    for loggers in ([], [TensorBoardLogger(tmp_path)]):
        torch.manual_seed(1)
        states.append(fit(loggers).lightning_module.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
