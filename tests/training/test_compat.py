"""Private names and habits of Lightning and torch, by what they do: here a new version fails first."""

import importlib
import logging
import os
import random
import signal
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import EMAWeightAveraging, StochasticWeightAveraging
from lightning.pytorch.core import saving
from lightning.pytorch.utilities import rank_zero_info

from autoact.training._compat import (
    INSTANTIATOR,
    LIGHTNING_CLI,
    at_progress,
    averaged_copy,
    batched_kernels,
    end_after_epochs,
    end_at_step,
    plain_interrupt,
    restored_randomness,
    silence,
    trust_instantiators,
)
from tests.training.models import Hyper

# these trainings need no validation
pytestmark = pytest.mark.filterwarnings("ignore:You defined a .validation_step. but have no")
MADE: list[dict[str, Any]] = []


def make(cls, arguments):
    """Make a module for a checkpoint that names this function."""
    MADE.append(arguments)
    return cls(**arguments)


class Ending(Callback):
    """Calls a function in the middle of the second epoch."""

    def __init__(self, end):
        self.end = end

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 8:
            self.end(trainer)


def test_levels_come_back_even_after_an_error():
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with pytest.raises(KeyError), silence():
        assert logger.level == logging.ERROR
        raise KeyError
    assert logger.level == before


def test_warnings_of_the_users_code_still_show():
    with silence(), pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def drawn():
    """What the three generators draw next; they are put back by drawing in a copy of their state."""
    state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    values = random.random(), float(np.random.rand()), float(torch.rand(()))
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    return values


def test_random_state_and_environment_come_back(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    monkeypatch.delenv("PL_SEED_WORKERS", raising=False)
    before = drawn()
    with restored_randomness():
        random.seed(12345), np.random.seed(12345), torch.manual_seed(12345)
        os.environ.update(PL_GLOBAL_SEED="1", PL_SEED_WORKERS="1")
        assert all(a != b for a, b in zip(drawn(), before, strict=True))
    assert drawn() == before
    assert os.environ["PL_GLOBAL_SEED"] == "5"
    assert "PL_SEED_WORKERS" not in os.environ


def test_an_interrupt_is_an_interrupt_again():
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), plain_interrupt():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:  # what Lightning's Trainer does
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.exit(1)
    assert signal.getsignal(signal.SIGINT) is handler


def test_other_exits_stay_exits():
    with pytest.raises(SystemExit), plain_interrupt():
        sys.exit(3)


def test_lightning_speaks_through_the_loggers_that_are_silenced(caplog):
    rank_zero_info("before")
    with silence():
        rank_zero_info("within")
    assert [record.message for record in caplog.records] == ["before"]


def test_a_seed_leaves_its_traces_where_they_are_put_back(monkeypatch):
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    with restored_randomness():
        seed_everything(3, workers=True, verbose=False)
        assert set(os.environ) - set(before) == {"PL_GLOBAL_SEED", "PL_SEED_WORKERS"}
    assert dict(os.environ) == before


def test_an_interrupt_in_a_training_comes_out_as_one(module, loader, make_trainer):
    def interrupt(trainer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), plain_interrupt():
        make_trainer(Ending(interrupt)).fit(module(), loader)


@pytest.mark.parametrize("least", [{}, {"min_epochs": 4}, {"min_steps": 24}])
def test_a_training_ends_at_a_step_whatever_its_least_length(module, loader, make_trainer, least):
    trainer = make_trainer(Ending(lambda t: end_at_step(t, 9)), max_epochs=4, **least)
    trainer.fit(module(), loader)
    assert trainer.global_step == 9


def test_an_epoch_is_made_the_last(module, loader, make_trainer):
    trainer = make_trainer(Ending(lambda t: end_after_epochs(t, 2)), max_epochs=4)
    trainer.fit(module(), loader)
    assert trainer.global_step == 12


def test_schedules_see_the_step_that_was_made_the_last(module, loader, make_trainer):
    lengths = []

    class Early(Callback):
        def setup(self, trainer, pl_module, stage):
            end_at_step(trainer, 9)

        def on_train_start(self, trainer, pl_module):
            lengths.append(trainer.estimated_stepping_batches)

    make_trainer(Early(), max_epochs=4).fit(module(), loader)
    assert lengths == [9]


@pytest.mark.parametrize("average", [EMAWeightAveraging(decay=0.9), StochasticWeightAveraging(1e-2, 1)])
def test_the_averaged_copy_is_the_model_that_the_callback_keeps(module, loader, make_trainer, average):
    assert averaged_copy(average) is None
    model = module()
    seen: list[Any] = []

    class Look(Callback):
        def on_train_end(self, trainer, pl_module):
            seen.append(averaged_copy(average))

    make_trainer(average, Look(), max_epochs=3).fit(model, loader)
    assert type(seen[0]) is type(model)
    assert seen[0] is not model
    assert [name for name, _ in seen[0].named_parameters()] == [name for name, _ in model.named_parameters()]


@pytest.mark.skipif(not hasattr(saving, "_ALLOWED_INSTANTIATORS"), reason="Lightning 2.6.5 trusts any name")
def test_a_checkpoint_may_name_the_functions_that_are_trusted(loader, make_trainer, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "_ALLOWED_INSTANTIATORS", set(saving._ALLOWED_INSTANTIATORS))
    trainer = make_trainer(max_epochs=1)
    trainer.fit(Hyper(5), loader)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    checkpoint = torch.load(tmp_path / "a.ckpt", weights_only=True)
    checkpoint["hyper_parameters"][INSTANTIATOR] = f"{__name__}.make"
    torch.save(checkpoint, tmp_path / "b.ckpt")
    with pytest.raises(ValueError, match="trusted instantiators"):
        Hyper.load_from_checkpoint(tmp_path / "b.ckpt")
    trust_instantiators(f"{__name__}.make")
    MADE.clear()
    assert Hyper.load_from_checkpoint(tmp_path / "b.ckpt").net[0].out_features == 5
    assert MADE == [{"width": 5}]


def test_lightnings_own_instantiator_has_its_name():
    module, _, name = LIGHTNING_CLI.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    if hasattr(saving, "_ALLOWED_INSTANTIATORS"):
        assert LIGHTNING_CLI in saving._ALLOWED_INSTANTIATORS


def test_a_module_sees_the_progress_that_its_trainer_is_told(loader, make_trainer):
    model, seen = Hyper(5), []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module):
            at_progress(trainer, 3, 7)
            seen.append((pl_module.current_epoch, pl_module.global_step))
            end_at_step(trainer, 7)

    make_trainer(Look(), max_epochs=9).fit(model, loader)
    assert seen == [(3, 7)]


def test_vmap_has_a_kernel_for_all_rows_or_raises():
    layer = torch.nn.TransformerEncoderLayer(4, 2, 4, batch_first=True).eval()
    x = torch.randn(3, 1, 2, 4)
    before = torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()
    with batched_kernels(), torch.no_grad():
        assert torch.vmap(layer)(x).shape == x.shape  # without a warning that it is slow
        with pytest.raises(RuntimeError, match="histc hit the vmap fallback"):
            torch.vmap(torch.histc)(x)
    assert (torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()) == before
    with pytest.warns(UserWarning, match="performance drop"):
        torch.vmap(torch.histc)(x)
