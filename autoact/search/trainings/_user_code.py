"""Model and data as users give them: made, and what their code raises told."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from autoact.errors import OF_USERS, AutoActError, ConfigurationError, DataError
from autoact.training import DataParts, DoubtfulBatch, check, split
from autoact.training.configuration import Component
from autoact.training.fit import laid_out, silent_trainer

_NO_DATA = "The data cannot be loaded"
_LIBRARIES = ("site-packages", "dist-packages")  # folders of files that are not the user's
_PACKAGE = Path(__file__).parents[2]  # nor are those here; a folder of the user's may be called autoact, too


def raised(what: str, error: Exception | SystemExit) -> str:
    """Return a line about what the user's code raised, with its place there.

    Args:
        what: Could not be done.
        error: That was raised.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_users(Path(frame.filename))]
    place = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{what}: {type(error).__name__}: {error}{place}"


def _is_users(file: Path) -> bool:
    return _PACKAGE not in file.parents and not any(part in _LIBRARIES for part in file.parts)


def callable_of(given: Any) -> Callable[[], Any]:
    """Return what makes the model.

    Args:
        given: By the user: a callable, or class_path and init_args.

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(given, Mapping):
        return Component(**given)
    if isinstance(given, nn.Module) or not callable(given):
        raise ConfigurationError(
            f"model is {_short(given)}; it must be a callable that makes a fresh LightningModule at every "
            "call, such as the class itself or `lambda: MyModel(width=64)`."
        )
    return given


def module_of(
    make_module: Callable[[], Any], how: str = "", *, parts: DataParts, trainer: Mapping[str, Any]
) -> Any:
    """Return a fresh model with its layers made.

    Args:
        make_module: Makes it.
        how: With which hyperparameter, for messages.
        parts: The data.
        trainer: Arguments of the Trainer.

    Raises:
        ConfigurationError: It cannot be made, or is no LightningModule.
    """
    try:
        module = laid_out(make_module, parts, trainer)
    except AutoActError:
        raise
    except OF_USERS as error:
        raise _unmakable(error, how) from error
    if not isinstance(module, nn.Module) or not hasattr(module, "training_step"):
        raise ConfigurationError(
            f"The model's callable made {_short(module)}; it must make a LightningModule with its steps."
        )
    return module


def parts_of(data: Any, make_module: Callable[[], Any], seed: int) -> DataParts:
    """Return the data, divided; a model's own where none are given.

    Args:
        data: Given by the user.
        make_module: Makes the model.
        seed: Divides them.

    Raises:
        ConfigurationError: They are of no known kind, or not given and the model has none.
        DataError: They cannot be loaded.
    """
    try:
        return split(Component(**data) if isinstance(data, Mapping) else data, seed, model=make_module)
    except AutoActError:
        raise
    except OF_USERS as error:
        raise _unmakable(error) if data is None else DataError(raised(_NO_DATA, error)) from error


def checked(parts: DataParts, trainer: Mapping[str, Any]) -> list[DoubtfulBatch]:
    """Return the batches that hold values that are no numbers.

    Args:
        parts: The data.
        trainer: Arguments of the Trainer.

    Raises:
        DataError: The data cannot be loaded, or are empty.
    """
    lightning = silent_trainer(trainer)
    try:
        return check(parts, trainer=lightning)
    except AutoActError:
        raise
    except OF_USERS as error:
        raise DataError(raised(_NO_DATA, error)) from error


def _unmakable(error: Exception | SystemExit, how: str = "") -> ConfigurationError:
    said = raised(f"The model cannot be made{how}", error)
    if how:
        return ConfigurationError(f"{said}. Correct its range in parameters.")
    if isinstance(error, TypeError):
        said += ". Give a callable that needs no arguments, such as `lambda: MyModel(width=64)`."
    return ConfigurationError(said)


def _short(value: object) -> str:
    return f"an instance of {type(value).__name__}" if isinstance(value, nn.Module) else repr(value)
