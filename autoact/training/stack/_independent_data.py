"""Independence of data from the model that loads them: where they follow its weights, no stack has them."""

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from torch import Tensor, nn

from autoact.training.stack._member import NotStackable

_MOST = 10_000  # objects that are looked at: rows of data follow no model
_NOTHING = (str, bytes, int, float, complex, Tensor, ModuleType, CodeType, BuiltinFunctionType)


def check_data(module: nn.Module, loaders: Any) -> None:
    """Refuse loaders that hold a model, as where an agent's own moves are its data.

    Args:
        module: The model that has made them.
        loaders: Anything.

    Raises:
        NotStackable: They hold it, or a layer with parameters.

    Example:
        >>> check_data(nn.Linear(1, 1), [1, 2])
    """
    layers = {id(each) for each in module.modules()} | {id(each) for each in module.parameters()}
    waiting, seen = [loaders], set[int]()
    while waiting and len(seen) < _MOST:
        item = waiting.pop()
        if id(item) in layers:
            raise NotStackable(f"the data that {type(module).__name__} loads depend on the model itself")
        if id(item) not in seen and not isinstance(item, _NOTHING):
            seen.add(id(item))
            waiting += _held(item)


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
