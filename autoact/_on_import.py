"""Loading of saved choices by Lightning and transformers: prepared when those are imported, not before.

`Model.load_from_checkpoint(path)` and `Model.from_pretrained(folder)` call nothing of autoact, so each
library's loader learns of the entry in the weights as soon as its module has been executed.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_ENTRY = "_autoact_activations"
_NOTE = "autoact_assignment"  # in the configuration of a transformers model
_INSTANTIATORS = (
    "autoact.training.checkpoints.instantiate",
    "autoact.training.checkpoints.instantiate_from_cli",
)


def _prepare_lightning(module: ModuleType) -> None:
    """Let every load_state_dict of a LightningModule restore the activations that the weights name."""
    cls: Any = module.LightningModule
    load = cls.load_state_dict

    def load_state_dict(self: Any, state_dict: Any, *args: Any, **options: Any) -> Any:
        if any(str(name).endswith(_ENTRY) for name in state_dict):
            import_module("autoact.training.checkpoints").restore_into(self, state_dict)
        return load(self, state_dict, *args, **options)

    load_state_dict.__doc__ = load.__doc__
    cls.load_state_dict = load_state_dict


def _trust(module: ModuleType) -> None:
    """Let checkpoints of converted models name the functions that make them (Lightning 2.6.6 and later)."""
    if hasattr(module, "_ALLOWED_INSTANTIATORS"):
        module._ALLOWED_INSTANTIATORS.update(_INSTANTIATORS)


def _prepare_transformers(module: ModuleType) -> None:
    """Let save_pretrained write chosen activations into the configuration, and from_pretrained read them."""
    cls: Any = module.PreTrainedModel
    save, load = cls.save_pretrained, cls.from_pretrained.__func__

    def save_pretrained(self: Any, *args: Any, **options: Any) -> Any:
        if not any(_ENTRY in vars(part) for part in self.modules()):
            return save(self, *args, **options)
        with import_module("autoact.conversion").named_in_configuration(self):
            return save(self, *args, **options)

    def from_pretrained(of: Any, *args: Any, **options: Any) -> Any:
        of._keys_to_ignore_on_load_unexpected = {*(of._keys_to_ignore_on_load_unexpected or ()), f"{_ENTRY}$"}
        loaded = load(of, *args, **options)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        if getattr(model.config, _NOTE, None):
            import_module("autoact.conversion").restore_from_configuration(model)
        return loaded

    save_pretrained.__doc__, from_pretrained.__doc__ = save.__doc__, load.__doc__
    cls.save_pretrained, cls.from_pretrained = save_pretrained, classmethod(from_pretrained)


_PREPARATIONS: dict[str, Callable[[ModuleType], None]] = {
    "lightning.pytorch.core.module": _prepare_lightning,
    "lightning.pytorch.core.saving": _trust,
    "pytorch_lightning.core.module": _prepare_lightning,
    "pytorch_lightning.core.saving": _trust,
    "transformers.modeling_utils": _prepare_transformers,
}


class _Preparing(Loader):
    """Loader that prepares a module after its own loader has executed it, and is gone then."""

    def __init__(self, loader: Any, prepare: Callable[[ModuleType], None]) -> None:
        self._loader, self._prepare = loader, prepare

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._prepare(module)


class _Finder(MetaPathFinder):
    """Finder of the modules to prepare, each found by whoever finds it otherwise."""

    def __init__(self) -> None:
        self._left = dict(_PREPARATIONS)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        prepare = self._left.pop(name, None)
        if prepare is None:
            return None
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            self._left[name] = prepare
            return None
        spec.loader = _Preparing(spec.loader, prepare)
        return spec


def prepare_loaders() -> None:
    """Prepare the loaders that are imported already, and the others when they are."""
    for name, prepare in _PREPARATIONS.items():
        if name in sys.modules:
            prepare(sys.modules[name])
    sys.meta_path.insert(0, _Finder())
