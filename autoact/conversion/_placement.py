"""Placement of a module where an activation is: instead of a module, an attribute or a call."""

from collections import OrderedDict

import torch
from torch import nn

from autoact.conversion.source import called_module, keep_original, open_at, opened
from autoact.errors import ConversionError
from autoact.nn import AutoActivation, is_sharded

_HOOKS = (
    "_forward_hooks",
    "_forward_hooks_always_called",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def unwrapped(path: str) -> str:
    """Return a path without the wrappers of `torch.compile`, whichever hook of a module puts them in.

    Args:
        path: Of a module.

    Example:
        >>> unwrapped("net._orig_mod.1")
        'net.1'
    """
    return ".".join(part for part in path.split(".") if part != "_orig_mod")


def put(model: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a path, in place of a module, of a function attribute, or of a call in the source.

    Raises:
        ConversionError: There is nothing of the kind.
    """
    parent_path, _, name = path.rpartition(".")
    parent = model.get_submodule(parent_path)
    if not hasattr(parent, name) and not open_at(parent, name):
        raise ConversionError(f"The model has no activation at {path!r}.")
    if not isinstance(getattr(parent, name, None), AutoActivation):
        keep_original(parent, name)
    if name in parent._modules:
        parent._modules[name] = module
    else:
        setattr(parent, name, module)
    keep_at(parent, name, module)


def keep_at(parent: nn.Module, name: str, module: nn.Module) -> None:
    """Let a copy and a pickle of a module keep what is at a name, whatever its class puts where nothing is.

    nn.TransformerDecoderLayer takes ReLU, without a word, if `activation` is a module and no plain attribute.
    """
    calls = {call.layer for call in opened(parent)}
    if name in vars(parent) or (
        name not in calls and type(parent).__setstate__ is not nn.Module.__setstate__
    ):
        vars(parent)[name] = module


def move_hooks(model: nn.Module, path: str, module: nn.Module) -> None:
    """Give a module the hooks of what it is about to replace at a path: what users watch stays watched.

    Handles go on removing them, unless layers that had hooks of their own became one.
    """
    parent_path, _, name = path.rpartition(".")
    parent = model.get_submodule(parent_path)
    present = parent._modules.get(name) if hasattr(parent, name) else called_module(parent, name)
    if present is not None and present is not module:
        give_hooks(present, module)


def give_hooks(present: nn.Module, module: nn.Module) -> None:
    """Give a module the hooks of another."""
    for kind in _HOOKS:
        hooks, own = getattr(present, kind), getattr(module, kind)
        if hooks and own is not hooks:
            setattr(module, kind, OrderedDict({**own, **hooks}) if own else hooks)
    if present._is_full_backward_hook is not None:
        module._is_full_backward_hook = present._is_full_backward_hook


def has_hooks(module: nn.Module) -> bool:
    """Tell whether anybody watches a module."""
    return any(getattr(module, kind) for kind in _HOOKS)


def reference_tensor(model: nn.Module, path: str) -> torch.Tensor | None:
    """Return a floating tensor near a path, whose device and precision a new module there should have."""
    parent = model.get_submodule(path.rpartition(".")[0])
    for home in (parent, model):
        for tensor in (*home.parameters(), *home.buffers()):
            if tensor.is_floating_point():
                return tensor
    return None


def fit(module: nn.Module, model: nn.Module, path: str) -> None:
    """Give a new module the device and the mode of the place it is for, and float64 if that is used there.

    torch's PReLU computes in the precision of its slopes alone, so that it gets the place's own.
    """
    near = reference_tensor(model, path)
    if near is not None and is_sharded(near) and any(True for _ in module.parameters()):
        raise ConversionError(
            f"The model is sharded over processes already (fully_shard), and a {type(module).__name__} at "
            f"{path} brings parameters that would differ between them. Convert or apply first, then shard."
        )
    if near is not None:
        alike = near.dtype == torch.float64 or type(module) is nn.PReLU
        module.to(device=near.device, dtype=near.dtype if alike else None)
    module.train(model.get_submodule(path.rpartition(".")[0]).training)
