import pytest
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    EarlyStopping,
    ModelCheckpoint,
    ModelSummary,
    TQDMProgressBar,
)
from lightning.pytorch.strategies import DDPStrategy

from autoact import ActivationSearch
from autoact.errors import ConfigurationError
from autoact.training.fit import devices_of, on_one_device, remarks, trainer_arguments


def test_the_users_settings_stay_and_output_goes():
    given = {"max_epochs": 2, "precision": "bf16", "enable_progress_bar": True, "logger": True}
    settings = trainer_arguments(given, root="somewhere")
    assert (settings["max_epochs"], settings["precision"]) == (2, "bf16")
    assert settings["enable_progress_bar"] is settings["enable_checkpointing"] is False
    (logger,) = settings["logger"]
    assert (logger.experiment.add_scalar("x", 1.0, 0), logger.save_dir) == (None, "somewhere")


def test_what_prints_is_left_out():
    given = {"max_epochs": 1, "callbacks": [TQDMProgressBar(), ModelSummary()]}
    assert trainer_arguments(given)["callbacks"] == []


@pytest.mark.parametrize("one", [{"devices": 1}, {"devices": "auto"}, {"devices": [1]}, {"devices": "0,"}])
def test_one_device_is_one(one):
    assert trainer_arguments({"max_epochs": 1, **one})["devices"] in (1, [1], "0,")


@pytest.mark.parametrize(
    "several", [{"devices": [0, 1]}, {"devices": "2"}, {"devices": 2, "strategy": "ddp"}]
)
def test_several_devices_have_a_process_each(several, monkeypatch):
    with pytest.raises(ConfigurationError, match=r"setting devices is .* one process trains on one device"):
        trainer_arguments({"max_epochs": 1, **several})
    assert devices_of(several) == 2
    assert on_one_device({"max_epochs": 1, **several}) == {"max_epochs": 1}
    monkeypatch.setenv("LOCAL_RANK", "1")
    arguments = trainer_arguments({"max_epochs": 1, "plugins": "16-true", **several})
    assert isinstance(arguments["plugins"][0], LightningEnvironment)
    assert arguments["plugins"][1:] == ["16-true"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"devices": -1}, "devices is -1; give a number of devices for each training"),
        ({"devices": "-1"}, "devices is '-1'; give a number"),
        ({"strategy": "fsdp"}, "strategy is 'fsdp', but each training has 1 device: leave it out"),
        (
            {"devices": 2, "strategy": "ddp_spawn"},
            "'ddp_spawn', but each training has 2 devices: give auto, ddp, ",
        ),
        (
            {"devices": 2, "strategy": DDPStrategy()},
            "DDPStrategy, but each training has 2 devices: give auto, ddp",
        ),
        ({"devices": 2, "num_nodes": 2}, "num_nodes is 2, but a training of a search is on one machine"),
    ],
)
def test_devices_and_strategies_that_start_processes_are_refused(given, why):
    with pytest.raises(ConfigurationError, match=why):
        trainer_arguments({"max_epochs": 1, **given})


def test_callbacks_are_copied_and_checkpoints_left_out():
    stopping = EarlyStopping("val_loss")
    callbacks = [stopping, ModelCheckpoint()]
    given = {"max_epochs": 1, "callbacks": callbacks}
    (copied,) = trainer_arguments(given)["callbacks"]
    assert isinstance(copied, EarlyStopping)
    assert copied is not stopping
    assert len(callbacks) == 2


def test_a_single_callback_needs_no_list():
    assert len(trainer_arguments({"max_epochs": 1, "callbacks": EarlyStopping("val_loss")})["callbacks"]) == 1


def test_an_unknown_argument_gets_a_suggestion():
    with pytest.raises(ConfigurationError, match=r"no argument 'max_epoch'. Did you mean 'max_epochs'\?"):
        trainer_arguments({"max_epoch": 3})


@pytest.mark.parametrize("given", [{}, {"max_steps": -1}, {"max_epochs": None}])
def test_a_training_without_length_is_refused(given):
    with pytest.raises(ConfigurationError, match="how long"):
        trainer_arguments(given)


@pytest.mark.parametrize("name", ["max_epochs", "max_steps", "limit_train_batches"])
def test_a_training_of_no_steps_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"{name} is 0, so nothing would be trained"):
        trainer_arguments({"max_epochs": 3, name: 0})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"fast_dev_run": True}, "fast_dev_run is True: every training would end after so many batches"),
        ({"fast_dev_run": 3}, "fast_dev_run is 3: "),
        (
            {"overfit_batches": 0.1},
            "overfit_batches is 0.1: every training and comparison",
        ),
        ({"limit_val_batches": 0}, "limit_val_batches is 0, so nothing would be validated"),
        ({"max_epochs": -1}, "do not say how long a training is"),
        ({"callbacks": BatchSizeFinder()}, "holds a BatchSizeFinder: each training would find a batch size"),
        (
            {"callbacks": [ActivationSearch()]},
            "holds an ActivationSearch: the search trains",
        ),
    ],
)
def test_what_makes_no_search_is_refused(given, why):
    with pytest.raises(ConfigurationError, match=why):
        trainer_arguments({"max_epochs": 3, **given})


def test_settings_for_a_look_are_off_or_left_out():
    given = {"max_epochs": 3, "fast_dev_run": False, "overfit_batches": 0.0, "num_sanity_val_steps": 2}
    assert trainer_arguments(given)["num_sanity_val_steps"] == 0
    assert remarks({**given, "limit_val_batches": 1.0}) == []


def test_limits_of_batches_are_said():
    first, second = remarks({"max_epochs": 3, "limit_val_batches": 4, "limit_test_batches": 8})
    assert first == "limit_val_batches is 4: no more guides the search, and no more compares"
    assert second.startswith("limit_test_batches is 8 and is not followed")
