"""Recognition of users' modules that compute one registered activation, by what they compute.

Libraries write their own GELU or SiLU modules, by formula or around a function. A module without parameters,
buffers and children that only computes is applied to a grid, in both modes.
"""

from typing import Any

import torch
from torch import nn

from autoact.conversion.grid import computed, is_pure, takes_one_tensor
from autoact.conversion.source import of_library, own_class
from autoact.spaces import Choice


def wrapped(module: nn.Module) -> Choice | None:
    """Return the registered activation that a user's module computes, or None.

    Example:
        >>> wrapped(nn.Linear(2, 2)) is None
        True
    """
    kind: Any = own_class(module)
    state = (module._modules, module._parameters, module._buffers)
    if any(state) or of_library(kind, "forward") or isinstance(module, torch.jit.ScriptModule):
        return None
    fresh = _copy(module)
    if not takes_one_tensor(fresh.forward) or not is_pure(kind.forward, fresh):
        return None
    inplace = bool(getattr(module, "inplace", False))
    found = [computed(fresh.train(mode).forward, inplace=inplace) for mode in (False, True)]
    return found[0] if found[0] == found[1] else None


def _copy(module: nn.Module) -> nn.Module:
    """Return a module of the same class and attributes, whose mode may change."""
    fresh = object.__new__(type(module))
    vars(fresh).update(vars(module))
    return fresh
