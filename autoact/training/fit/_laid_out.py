"""Layers of a fresh module, whichever hook makes them: `__init__`, `setup` or `configure_model`."""

import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden

from autoact import conversion
from autoact.spaces import Assignment
from autoact.training._compat import silence, when_built
from autoact.training.data import DataParts
from autoact.training.fit._trainer_arguments import trainer_arguments


def silent_trainer(given: Mapping[str, Any], **more: Any) -> Trainer:
    """Return a Trainer that says nothing, as every training of a search has one.

    Args:
        given: The user's arguments of the Trainer.
        more: Arguments of `trainer_arguments`.
    """
    with silence():
        return Trainer(**trainer_arguments(given, **more))


def laid_out(make_module: Callable[[], Any], data: DataParts, trainer: Mapping[str, Any]) -> Any:
    """Return a fresh module with the layers that it has when a training makes its optimizers.

    A module that makes layers in its hooks runs them as in `Trainer.fit`, with a Trainer and the data;
    nothing is trained.

    Args:
        make_module: Makes the module.
        data: Given to the Trainer.
        trainer: The user's arguments of the Trainer.

    Example:
        >>> from autoact.training.data import split
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> type(laid_out(DigitsModel, split(DigitsData), {"max_epochs": 1})).__name__
        'DigitsModel'
    """
    module = make_module()
    if not _makes_layers(module):
        return module
    with tempfile.TemporaryDirectory(prefix="autoact-") as root:
        lightning = silent_trainer({**trainer, "callbacks": None}, first=[_Stop()], root=root)
        with silence(), data.open().given("training", module) as arguments, suppress(_Stopped):
            lightning.fit(module, **arguments)
    module.trainer = None
    return module


def _makes_layers(module: Any) -> bool:
    """Tell whether hooks of a module may make layers."""
    hooks = ("setup", "configure_model")
    return isinstance(module, LightningModule) and any(is_overridden(hook, module) for hook in hooks)


def with_activations(module: Any, assignment: Assignment) -> Any:
    """Give a fresh module activations: now, and whenever its hooks have made new layers.

    Args:
        module: A module, or any other model.
        assignment: The activations.

    Returns:
        The module. A warning names layers that only a Trainer will make.

    Raises:
        ConversionError: There are no such layers.

    Example:
        >>> from autoact.training.tasks import DigitsModel
        >>> with_activations(DigitsModel(), Assignment({"net.1": "tanh"})).net[1]
        Tanh()
    """
    if not _makes_layers(module):
        return conversion.apply(module, assignment)
    later = [path for path in assignment if "." in path and not hasattr(module, path.partition(".")[0])]
    conversion.apply(module, {path: assignment[path] for path in assignment if path not in later})
    if later:
        message = (
            f"{type(module).__name__} has no {', '.join(later)} before a Trainer calls its hooks: the layers "
            "get their activations then, in Trainer.fit, validate, test or predict."
        )
        warnings.warn(message, UserWarning, stacklevel=3)
    made = {path: _at(module, path) for path in assignment if path not in later}
    module.__dict__["configure_model"] = partial(_configure, module, module.configure_model, assignment, made)
    return module


def _configure(
    module: LightningModule,
    configure: Callable[[], None],
    assignment: Assignment,
    made: dict[str, Any],
) -> None:
    """Do what a module's `configure_model` does, then give layers that are new their activations."""
    configure()
    new = {path: assignment[path] for path in assignment if _at(module, path) is not made.get(path, module)}
    conversion.apply(module, new)
    made.update({path: _at(module, path) for path in new})


def _at(module: LightningModule, path: str) -> Any:
    """Return what is at a path; None for a call in the source that is as it was."""
    try:
        return attrgetter(conversion.unwrapped(path))(module)
    except AttributeError:
        return None


class _Stopped(Exception):
    """The layers are made."""


class _Stop(Callback):
    """End a training as soon as the layers of its module are made."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        when_built(pl_module, _stop)


def _stop(module: LightningModule) -> None:
    raise _Stopped
