"""Arguments of the Trainer of one silent training: the user's, with what a search owns replaced."""

import copy
import difflib
import inspect
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import BatchSizeFinder, Checkpoint, ModelSummary, ProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import SingleDeviceStrategy

from autoact.errors import ConfigurationError
from autoact.training.callback import ActivationSearch
from autoact.training.fit._silent_logger import SilentLogger

_DEFAULTS = {"accelerator": "auto", "devices": 1}
_OWNED = {
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "num_sanity_val_steps": 0,  # the probe has validated
}
_SILENCED = (Checkpoint, ModelSummary, ProgressBar)
_ONE_DEVICE = ("auto", "single_device")
_SEVERAL_DEVICES = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")
_RANK = "LOCAL_RANK"
_REMEDY = "here one process trains on one device: leave it out."
_DEBUGGING = {
    "fast_dev_run": "every training would end after so many batches, and nothing would be compared",
    "overfit_batches": "every training and comparison would be on so many batches, which learn by heart",
}
_LENGTHS = ("max_epochs", "max_steps", "max_time")
_COUNTS = ("max_epochs", "max_steps", "limit_train_batches")
_INTERVALS = ("accumulate_grad_batches", "check_val_every_n_epoch")
_MOST = 10**9  # to plan 10**30 epochs takes minutes


def trainer_arguments(
    given: Mapping[str, Any],
    *,
    first: Iterable[Callback] = (),
    callbacks: Iterable[Callback] = (),
    logger: Any = None,
    root: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of a Trainer that says nothing and writes nothing by itself.

    Args:
        given: The user's arguments. Their callbacks are copied, so that no training sees another one's state;
            those that save checkpoints or print, and loggers, are left out.
        first: Callbacks to put before the user's, used as they are: one that averages weights copies the
            model as soon as it is asked, and must find it changed.
        callbacks: Callbacks to put after the user's.
        logger: A Lightning logger beside the silent one, which the module finds first, whichever training
            it is in; or None.
        root: Directory for whatever a callback writes, unless the user gave `default_root_dir`.

    Raises:
        ConfigurationError: An argument that the Trainer does not know, none that bounds the training, one
            that leaves no step of it, or several devices.

    Example:
        >>> trainer_arguments({"max_epochs": 3})["max_epochs"]
        3
    """
    _check(given)
    kept = [callback for callback in _callbacks(given) if not isinstance(callback, _SILENCED)]
    settings = {**_DEFAULTS, "default_root_dir": root, **given, **_OWNED}
    settings["callbacks"] = [*first, *copy.deepcopy(kept), *callbacks]
    if settings["devices"] == "auto":
        settings["devices"] = 1
    silent = SilentLogger(settings["default_root_dir"])
    settings["logger"] = [silent] if logger is None else [silent, logger]
    settings.pop("barebones", None)
    if devices_of(given) > 1:  # whatever scheduler has started the search: it did not start these processes
        plugins = given.get("plugins") or []
        own = plugins if isinstance(plugins, list | tuple) else [plugins]
        settings["plugins"] = [LightningEnvironment(), *own]
    return settings


def remarks(given: Mapping[str, Any]) -> list[str]:
    """Return what settings of a Trainer do to a search, where that may not be meant.

    Args:
        given: The user's arguments.

    Example:
        >>> remarks({"max_epochs": 3, "limit_val_batches": 2})
        ['limit_val_batches is 2: no more guides the search, and no more compares']
    """
    found, limit = [], given.get("limit_val_batches")
    if limit is not None and not (limit == 1 and isinstance(limit, float)):
        found.append(f"limit_val_batches is {limit}: no more guides the search, and no more compares")
    if given.get("limit_test_batches") is not None:
        found.append(
            f"limit_test_batches is {given['limit_test_batches']} and is not followed: of test data "
            "limit_val_batches counts"
        )
    return found


def _callbacks(given: Mapping[str, Any]) -> list[Any]:
    own = given.get("callbacks") or []
    return list(own) if isinstance(own, list | tuple) else [own]


def _check(given: Mapping[str, Any]) -> None:
    known = list(inspect.signature(Trainer.__init__).parameters)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(f"lightning.Trainer has no argument {name!r}.{hint}")
    for name in _COUNTS:
        if given.get(name) == 0:
            raise ConfigurationError(
                f"The trainer setting {name} is 0, so nothing would be trained; give at least 1."
            )
    if given.get("limit_val_batches") == 0:
        raise ConfigurationError(
            "The trainer setting limit_val_batches is 0, so nothing would be validated: a search is guided "
            "by the validation. Give at least 1."
        )
    for name in _INTERVALS:
        if given.get(name) == 0:
            raise ConfigurationError(f"The trainer setting {name} is 0; give at least 1.")
    for name, why in _DEBUGGING.items():
        if given.get(name):
            raise ConfigurationError(
                f"The trainer setting {name} is {given[name]!r}: {why}. Remove it; a dry run trains a few "
                "steps and says what fails."
            )
    if any(isinstance(callback, ActivationSearch) for callback in _callbacks(given)):
        raise ConfigurationError(
            "The trainer setting callbacks holds an ActivationSearch: the search trains a mixture itself. "
            "Remove it; what it searches is said by `space`."
        )
    if any(isinstance(callback, BatchSizeFinder) for callback in _callbacks(given)):
        raise ConfigurationError(
            "The trainer setting callbacks holds a BatchSizeFinder: each training would find a batch size of "
            "its own. Find it once, with Tuner(trainer).scale_batch_size, set it in model or data, and "
            "remove the callback."
        )
    for name, value in given.items():
        if isinstance(value, int | float) and abs(value) > _MOST:
            raise ConfigurationError(f"The trainer setting {name} is {value!r}; give at most {_MOST:,}.")
    if all(given.get(name) in (None, -1) for name in _LENGTHS):
        raise ConfigurationError(
            f"The trainer settings do not say how long a training is: give one of {', '.join(_LENGTHS)}."
        )
    _check_devices(given)


def _check_devices(given: Mapping[str, Any]) -> None:
    """Refuse several devices where no process was started for each: Lightning would run the script again."""
    if (given.get("num_nodes") or 1) != 1:
        nodes = given["num_nodes"]
        raise ConfigurationError(
            f"The trainer setting num_nodes is {nodes!r}, but a training of a search is on one "
            "machine: leave it out."
        )
    if devices_of(given) > 1 and _RANK not in os.environ:
        raise ConfigurationError(f"The trainer setting devices is {given['devices']!r}, but {_REMEDY}")


def devices_of(given: Mapping[str, Any]) -> int:
    """Return on how many devices a training is; there is a process for each.

    Args:
        given: Arguments of the Trainer.

    Raises:
        ConfigurationError: Their number depends on the machine, or the strategy starts processes itself.

    Example:
        >>> devices_of({"devices": 2, "strategy": "ddp"}), devices_of({"devices": "auto"}), devices_of({})
        (2, 1, 1)
    """
    devices, strategy = given.get("devices", 1), given.get("strategy", "auto")
    count = _count(devices)
    if count < 1:
        raise ConfigurationError(
            f"The trainer setting devices is {devices!r}; give a number of devices for each "
            "training, or leave it out for one."
        )
    one = strategy in _ONE_DEVICE or isinstance(strategy, SingleDeviceStrategy)
    if one if count == 1 else strategy in _SEVERAL_DEVICES:
        return count
    allowed = "leave it out, or give devices, too" if count == 1 else f"give {', '.join(_SEVERAL_DEVICES)}"
    shown = repr(strategy) if isinstance(strategy, str) else type(strategy).__name__
    raise ConfigurationError(
        f"The trainer setting strategy is {shown}, but each training has {count} device{'s' * (count > 1)}: "
        f"{allowed}."
    )


def on_one_device(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a training that is on one device where others are on several.

    Args:
        given: Arguments of the Trainer.

    Example:
        >>> on_one_device({"max_epochs": 3, "devices": 2, "strategy": "ddp"})
        {'max_epochs': 3}
    """
    if devices_of(given) == 1:
        return dict(given)
    return {name: value for name, value in given.items() if name not in ("devices", "strategy")}


def _count(devices: Any) -> int:
    """Return how many devices these are, in any of Lightning's forms ("0,1" lists them, "2" counts them)."""
    if isinstance(devices, str) and devices != "auto":
        listed = [each for each in devices.split(",") if each.strip()]
        devices = listed if "," in devices else int(devices) if devices.lstrip("-").isdigit() else 1
    if isinstance(devices, list | tuple):
        return len(devices)
    return devices if isinstance(devices, int) and devices else 1


def event_log(directory: str | Path) -> TensorBoardLogger:
    """Return a logger that writes its events straight into a directory, without sub-directories.

    Args:
        directory: Where; made when the first event is written.
    """
    return TensorBoardLogger(save_dir=str(directory), name="", version="", default_hp_metric=False)
