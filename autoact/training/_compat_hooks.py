"""Compatibility: hooks that nobody has written are not called, and the others with less around them.

For each step of a training Lightning calls some twenty hooks of module, callbacks and strategy, most of which
do nothing, asks again whether methods are overridden and what their arguments are called, and copies what it
knows of each logged value: together as much as the step of a small network. Which hooks do nothing is read
from their code: one that does something in another version is called.
"""

import dis
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any
from unittest.mock import patch

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from lightning.pytorch.core import module
from lightning.pytorch.loops import evaluation_loop, training_epoch_loop
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import Strategy
from lightning.pytorch.trainer import call
from lightning.pytorch.trainer.connectors import data_connector
from lightning.pytorch.trainer.connectors.logger_connector import result
from torch import Tensor

_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS"}
_BASES = LightningModule, LightningDataModule
_HOOK = "_current_fx_name"  # of a module: the hook that runs, which `self.log` asks for


def _does_nothing(function: Callable[..., Any]) -> bool:
    code = list(dis.get_instructions(function))
    returned = [each.argval for each in code if each.opname in ("LOAD_CONST", "RETURN_CONST")]
    return {each.opname for each in code} <= _NOTHING and returned == [None]


def _idle(base: type) -> dict[str, Any]:
    """Return the hooks of a class of Lightning's that do nothing."""
    hooks = {name: getattr(base, name) for name in dir(base) if name.startswith("on_")}
    return {k: hook for k, hook in hooks.items() if isinstance(hook, FunctionType) and _does_nothing(hook)}


IDLE: Mapping[type, Mapping[str, Any]] = {base: _idle(base) for base in (LightningModule, Callback, Strategy)}
_call_module, _call_callbacks = call._call_lightning_module_hook, call._call_callback_hooks
_call_strategy, _move = call._call_strategy_hook, result._ResultMetric.to


@contextmanager
def quick_hooks() -> Iterator[None]:
    """Call the hooks of trainings in this process with less around them; what they see is the same.

    Example:
        >>> with quick_hooks():
        ...     call._call_callback_hooks is _call_callbacks
        False
    """
    overridden = vars(data_connector)["is_overridden"]
    with ExitStack() as around:
        for name, quick in (
            ("_call_lightning_module_hook", _module_hook),
            ("_call_callback_hooks", _callback_hooks),
            ("_call_strategy_hook", _strategy_hook),
        ):
            around.enter_context(patch.object(call, name, quick))
        around.enter_context(patch.object(data_connector, "is_overridden", _quickly(overridden)))
        for asking in (training_epoch_loop, evaluation_loop, module):
            known = lru_cache(maxsize=None)(
                asking.is_param_in_hook_signature
            )  # of bound methods: for one training
            around.enter_context(patch.object(asking, "is_param_in_hook_signature", known))
        around.enter_context(patch.object(result._ResultMetric, "to", _moved))
        yield


def _is_idle(owner: object, name: str, base: type) -> bool:
    """Tell whether a hook is Lightning's own and does nothing."""
    idle = IDLE[base].get(name)
    return idle is not None and getattr(type(owner), name, None) is idle and name not in vars(owner)


def _is_plain(trainer: Any, owner: Any) -> bool:
    """Tell whether nothing watches hooks, and the name of the one that runs is a plain attribute."""
    return type(trainer.profiler) is PassThroughProfiler and _HOOK in vars(owner)


def _module_hook(trainer: Any, name: str, *args: Any, pl_module: Any = None, **kwargs: Any) -> Any:
    owner = trainer.lightning_module if pl_module is None else pl_module
    if owner is None or not _is_plain(trainer, owner):
        return _call_module(trainer, name, *args, pl_module=pl_module, **kwargs)
    if _is_idle(owner, name, LightningModule):
        return None
    hook, own = getattr(owner, name), vars(owner)
    if not callable(hook):
        return None
    before, own[_HOOK] = own[_HOOK], name
    output = hook(*args, **kwargs)
    own[_HOOK] = before
    return output


def _callback_hooks(
    trainer: Any, name: str, *args: Any, monitoring_callbacks: bool | None = None, **kwargs: Any
) -> None:
    if (
        trainer.lightning_module is None
        or monitoring_callbacks is not None
        or not _is_plain(trainer, trainer.lightning_module)
    ):
        _call_callbacks(trainer, name, *args, monitoring_callbacks=monitoring_callbacks, **kwargs)
        return
    own = vars(trainer.lightning_module)
    before, own[_HOOK] = own[_HOOK], name
    for callback in trainer.callbacks:
        if not _is_idle(callback, name, Callback) and callable(hook := getattr(callback, name)):
            hook(trainer, trainer.lightning_module, *args, **kwargs)
    own[_HOOK] = before


def _strategy_hook(trainer: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    strategy, owner = trainer.strategy, trainer.lightning_module
    if owner is None or not _is_plain(trainer, owner):
        return _call_strategy(trainer, name, *args, **kwargs)
    if _is_idle(strategy, name, Strategy):
        return None
    own = vars(owner)
    before, own[_HOOK] = own[_HOOK], name
    output = getattr(strategy, name)(*args, **kwargs)
    own[_HOOK] = before
    return output


def _quickly(overridden: Callable[..., bool]) -> Callable[..., bool]:
    """Return what tells whether a method is overridden, quicker where it is a plain function."""

    def quickly(name: str, instance: Any = None, parent: Any = None) -> bool:
        base = next((base for base in _BASES if isinstance(instance, base)), None)
        if base is not None and parent is None:
            own = vars(instance).get(name, getattr(type(instance), name, None))
            codes = _code(own), _code(getattr(base, name, None))
            if None not in codes:
                return codes[0] != codes[1]
        return overridden(name, instance, parent)

    return quickly


def _code(function: Any) -> CodeType | None:
    plain = type(function) is FunctionType and not hasattr(function, "__wrapped__")
    return function.__code__ if plain else None


def _moved(self: Any, *where: Any, **options: Any) -> Any:
    """Move a logged value to a device; Lightning copies all that is about it even where it is there."""
    if self.is_tensor and len(where) == 1 and not options and isinstance(where[0], torch.device):
        held = (each for each in (*vars(self).values(), *self._defaults.values()) if isinstance(each, Tensor))
        if all(tensor.device == where[0] for tensor in held):
            return self
    return _move(self, *where, **options)
