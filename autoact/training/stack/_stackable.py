"""Stackable settings and modules: what a stack does as Lightning would, and refusals of all else."""

import inspect
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary, ProgressBar
from torch.nn.parameter import is_lazy

from autoact.training.stack._member import NotStackable

_SETTINGS = {  # understood, or without influence on what is trained
    *(
        "accelerator",
        "barebones",
        "benchmark",
        "check_val_every_n_epoch",
        "default_root_dir",
        "deterministic",
    ),
    *("enable_checkpointing", "enable_model_summary", "enable_progress_bar", "gradient_clip_algorithm"),
    *(
        "gradient_clip_val",
        "inference_mode",
        "limit_test_batches",
        "limit_train_batches",
        "limit_val_batches",
    ),
    *("log_every_n_steps", "logger", "max_epochs", "max_steps", "use_distributed_sampler"),
    *("limit_predict_batches", "num_sanity_val_steps", "val_check_interval"),
}
_SAME_AS_DEFAULT = {
    "devices": (1, "1", "auto", [0]),
    "precision": (32, "32", "32-true"),
    "strategy": ("single_device",),
    "num_nodes": (None,),
    "callbacks": ([], ()),
}
_SILENT = (Checkpoint, ModelSummary, ProgressBar)
VALIDATION_HOOKS = {
    f"on_validation_{when}"
    for when in ("start", "end", "epoch_start", "epoch_end", "batch_start", "batch_end")
}
_HOOKS = {
    *("forward", "training_step", "validation_step", "test_step", "predict_step", "configure_optimizers"),
    *("setup", "prepare_data", "configure_model", "state_dict", "load_state_dict"),
    *("train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader"),
    *("on_save_checkpoint", "on_load_checkpoint", "extra_repr"),
    *(f"on_{stage}_{when}" for stage in ("test", "predict") for when in ("start", "end")),
    *(f"on_{stage}_epoch_{when}" for stage in ("test", "predict") for when in ("start", "end")),
    *(f"on_{stage}_batch_{when}" for stage in ("test", "predict") for when in ("start", "end")),
}
_DATA_HOOKS = (
    "transfer_batch_to_device",
    "on_before_batch_transfer",
    "on_after_batch_transfer",
    "on_exception",
)
_SAVING_HOOKS = ("state_dict", "on_save_checkpoint")  # they may look at whatever Lightning has counted


def check_settings(trainer: Mapping[str, Any]) -> None:
    """Refuse settings of a Trainer that a stack does not follow.

    Args:
        trainer: Arguments of `lightning.Trainer`.

    Raises:
        NotStackable: Names the setting.

    Example:
        >>> check_settings({"max_epochs": 3, "precision": 32})
    """
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(Trainer.__init__).parameters.items()
    }
    for name, value in trainer.items():
        if name == "callbacks" and value:
            listed = value if isinstance(value, list | tuple) else [value]
            value = [each for each in listed if not isinstance(each, _SILENT)]
        plain = value == defaults.get(name) or value in _SAME_AS_DEFAULT.get(name, ())
        timed = name == "val_check_interval" and not isinstance(value, int | float | None)
        if timed or (name not in _SETTINGS and not plain):
            said = f"trainer.{name}={value!r}" if isinstance(value, str | int | float) else f"trainer.{name}"
            raise NotStackable(f"{said} is not followed by a stack")


def check_module(module: LightningModule) -> None:
    """Refuse modules whose hooks a stack does not call.

    Args:
        module: As it is made.

    Raises:
        NotStackable: Names the hook.
    """
    if not module.automatic_optimization:
        raise NotStackable("the model optimizes manually")
    for name in _overridden(module, LightningModule):
        if name not in _HOOKS | VALIDATION_HOOKS:
            raise NotStackable(f"{type(module).__name__} overrides {name}")
    if any(is_lazy(parameter) for parameter in module.parameters()):
        raise NotStackable("the model has lazy layers")
    if "dataloader_iter" in inspect.signature(module.training_step).parameters:
        raise NotStackable("training_step takes an iterator")


def check_datamodule(datamodule: Any) -> None:
    """Refuse data modules that change batches on their way.

    Args:
        datamodule: A data module, or None.

    Raises:
        NotStackable: Names the hook.
    """
    for name in _overridden(datamodule, LightningDataModule) if datamodule is not None else ():
        if name in _DATA_HOOKS:
            raise NotStackable(f"{type(datamodule).__name__} overrides {name}")


def check_saving(module: LightningModule, datamodule: Any) -> None:
    """Refuse to save what adds to a checkpoint by itself: its hooks see what Lightning's loop leaves there.

    Args:
        module: As it is made.
        datamodule: A data module, or None.

    Raises:
        NotStackable: Names the hook.
    """
    for holder, base in ((module, LightningModule), (datamodule, LightningDataModule)):
        for name in _overridden(holder, base) if holder is not None else ():
            if name in _SAVING_HOOKS:
                raise NotStackable(f"{type(holder).__name__} overrides {name}, so Lightning saves it")


def validates_with_hooks(module: LightningModule) -> bool:
    """Tell whether hooks belong to a module's validation, which Lightning has to call."""
    return not VALIDATION_HOOKS.isdisjoint(_overridden(module, LightningModule))


def _overridden(object_: Any, base: type) -> list[str]:
    """Return the names of a base class's methods that an object has otherwise."""
    own, found, given = vars(object_), inspect.getattr_static, type(object_)
    names = [name for name in dir(base) if callable(getattr(base, name, None)) and not name.startswith("__")]
    return [name for name in names if name in own or found(given, name) is not found(base, name)]
