"""Rollback of changes to a model's structure: all of a conversion happens, or nothing does."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

# children, parameters, buffers, hooks
_CONTAINERS = {name for name, value in vars(nn.Module()).items() if isinstance(value, dict | set)}


class Structure:
    """Classes, attributes, children, parameters and hooks of every module, as they are now; no values.

    Args:
        modules: All modules that may change.

    Example:
        >>> model = nn.Sequential(nn.ReLU())
        >>> before = Structure(model.modules())
        >>> model[0] = nn.Tanh()
        >>> before.restore()
        >>> model
        Sequential(
          (0): ReLU()
        )
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        modules = [each for each in modules if not isinstance(each, torch.jit.ScriptModule)]
        self._before = [(each, type(each), _copied(vars(each))) for each in modules]

    def restore(self) -> None:
        """Make every module what it was; containers such as the hooks stay the same objects."""
        for module, kind, attributes in self._before:
            if type(module) is not kind:
                object.__setattr__(module, "__class__", kind)
            own = vars(module)
            own.clear()
            for name, (value, content) in attributes.items():
                own[name] = value
                if content is not None:
                    value.clear()
                    value.update(content)


@contextmanager
def all_or_nothing(model: nn.Module) -> Iterator[None]:
    """Give a model its structure back if anything raises inside, an interrupt included.

    Args:
        model: The model that is changed inside.

    Example:
        >>> model = nn.Sequential(nn.ReLU())
        >>> try:
        ...     with all_or_nothing(model):
        ...         model[0] = nn.Tanh()
        ...         raise ValueError
        ... except ValueError:
        ...     print(model[0])
        ReLU()
    """
    before = Structure(model.modules())
    try:
        yield
    except BaseException:
        before.restore()
        raise


def _copied(attributes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return each attribute, with a copy of what it holds if it is one of torch's dictionaries or sets."""
    return {
        name: (value, value.copy() if name in _CONTAINERS and value is not None else None)
        for name, value in attributes.items()
    }
