"""Data that follow a model: they hold it, and what they give may change as it is trained."""

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from torch import Tensor, nn

_MOST = 10_000  # objects that are looked at: rows of data follow no model
_NOTHING = (str, bytes, int, float, complex, Tensor, ModuleType, CodeType, BuiltinFunctionType)


def follows(loaders: Any, module: nn.Module) -> bool:
    """Tell whether loaders hold a model or a part of it, as where an agent's own moves are its data.

    Args:
        loaders: Anything.
        module: The model.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> follows([1, 2], layer), follows([lambda x, net=layer: net(x)], layer)
        (False, True)
    """
    layers = {id(each) for each in module.modules()} | {id(each) for each in module.parameters()}
    waiting, seen = [loaders], set[int]()
    while waiting and len(seen) < _MOST:
        item = waiting.pop()
        if id(item) in layers:
            return True
        if id(item) not in seen and not isinstance(item, _NOTHING):
            seen.add(id(item))
            waiting += _held(item)
    return False


def _held(item: Any) -> Iterator[Any]:
    """Iterate over what an object holds; of functions what they enclose, not what their modules have."""
    if isinstance(item, FunctionType):
        yield from (
            *(item.__closure__ or ()),
            *(item.__defaults__ or ()),
            *(item.__kwdefaults__ or {}).values(),
        )
    elif isinstance(item, type):
        if "<locals>" in item.__qualname__:
            yield from vars(item).values()
    else:
        yield from gc.get_referents(item)
