"""Layers of a fresh module, whichever hook makes them: `__init__`, `setup` or `configure_model`."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden

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
    hooks = ("setup", "configure_model")
    if not isinstance(module, LightningModule) or not any(is_overridden(hook, module) for hook in hooks):
        return module
    with tempfile.TemporaryDirectory(prefix="autoact-") as root:
        lightning = silent_trainer({**trainer, "callbacks": None}, first=[_Stop()], root=root)
        with silence(), data.open().given("training") as arguments, suppress(_Stopped):
            lightning.fit(module, **arguments)
    module.trainer = None
    return module


class _Stopped(Exception):
    """The layers are made."""


class _Stop(Callback):
    """End a training as soon as the layers of its module are made."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        when_built(pl_module, _stop)


def _stop(module: LightningModule) -> None:
    raise _Stopped
