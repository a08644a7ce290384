"""Model of a LightningCLI file: its class, and the optimizer and scheduler that stand beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightning.pytorch.cli import LightningCLI, ReduceLROnPlateau, instantiate_class
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from autoact.spaces.files import Document
from autoact.training.configuration._component import Component, read_component

SCHEDULER = "lr_scheduler"
# base classes, and the first argument, which is not given in the file
_KINDS = {"optimizer": ((Optimizer,), "params"), SCHEDULER: ((LRScheduler, ReduceLROnPlateau), "optimizer")}


@dataclass(frozen=True, slots=True, kw_only=True)
class CLIModel(Component):
    """Makes a fresh module whose `configure_optimizers` is that of LightningCLI, as the file says.

    Args:
        optimizer: class_path and init_args of an optimizer; None leaves the module's own method.
        lr_scheduler: The same of a scheduler, or None.
    """

    optimizer: Mapping[str, Any] | None = None
    lr_scheduler: Mapping[str, Any] | None = None

    def __call__(self) -> Any:
        """Return a new module."""
        module = Component.__call__(self)
        if self.optimizer is not None:
            module.configure_optimizers = lambda: self._optimizers(module)
        return module

    def _optimizers(self, module: Any) -> Any:
        assert self.optimizer is not None
        optimizer = instantiate_class(module.parameters(), dict(self.optimizer))
        if self.lr_scheduler is None:
            return optimizer
        scheduler = instantiate_class(optimizer, dict(self.lr_scheduler))
        return LightningCLI.configure_optimizers(module, optimizer, scheduler)


def read_model(document: Document, base: type[Any], folders: tuple[str, ...]) -> CLIModel:
    """Return what makes the module of a configuration, checked so far as can be without making it.

    Args:
        document: The configuration.
        base: What the module's class must derive from.
        folders: Folders to import from.

    Raises:
        ConfigurationError: Naming file, line, key and remedy.
    """
    model = read_component(document, ("model",), base, folders)
    beside: dict[str, Any] = {
        key: _beside(document, key, folders) for key in _KINDS if is_given(document.data.get(key))
    }
    if SCHEDULER in beside and "optimizer" not in beside:
        raise document.error(
            (SCHEDULER,),
            "a scheduler needs the optimizer that it schedules: give the key optimizer, too, or make both in "
            "the module's configure_optimizers.",
        )
    return CLIModel(class_path=model.class_path, init_args=model.init_args, folders=folders, **beside)


def is_given(entry: Any) -> bool:
    """Tell whether a key that LightningCLI always writes is used: null, true and false are not."""
    return entry not in (None, False, True)


def _beside(document: Document, key: str, folders: tuple[str, ...]) -> dict[str, Any]:
    bases, first = _KINDS[key]
    found = read_component(document, (key,), bases, folders, skip=(first,))
    return {"class_path": found.class_path, "init_args": dict(found.init_args)}
