"""Purity of users' functions, read from their bytecode: only those that compute and nothing else are tried.

A pure function calls torch, math and other pure functions, and stores nothing outside of itself. What cannot
be followed, such as a logger, a list that it fills or a collective of `torch.distributed`, is not pure.
"""

import builtins
import dis
import math
import operator
from collections.abc import Iterator, Mapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

LIBRARIES = ("torch", "torchmetrics", "lightning", "pytorch_lightning", "autoact")  # none is a user's
_KNOWN = ("torch", "math", "operator")
_EFFECTS = ("save", "load", "distributed", "hub", "set_", "library", "manual_seed")  # of torch's names
_WRITING = ("tofile", "write", "send")  # of local values
_BUILTINS = {
    getattr(builtins, name)
    for name in "abs bool float getattr hasattr int isinstance len max min pow range round sum tuple".split()
}
_STORING = ("STORE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "STORE_DEREF", "DELETE_", "IMPORT_")
_PLAIN = (bool, int, float, complex, str, type(None), torch.dtype, torch.device, torch.Tensor)
_SCRIPTED = (torch.jit.ScriptFunction,)
_UNKNOWN = object()  # a local value


def is_pure(function: Any, owner: Any = None, above: frozenset[Any] = frozenset()) -> bool:
    """Tell whether calling a function can have no effect but its result.

    Args:
        function: Anything.
        owner: The object that is its first argument, if it is a method.
        above: What calls it.

    Example:
        >>> is_pure(lambda x: x * torch.sigmoid(x)), is_pure(lambda x: print(x))
        (True, False)
    """
    if not isinstance(function, FunctionType):
        return _harmless(function, above)
    key = (function.__code__, id(owner))
    if key in above:
        return True
    cells = [cell for each in function.__closure__ or () if (cell := _content(each)) is not _UNKNOWN]
    inner = above | {key}
    if _of_torch(function.__globals__.get("__name__", "")):
        return all(_harmless(each, inner) for each in cells)
    return _computes(function.__code__, function, owner, inner)


def _computes(code: CodeType, function: FunctionType, owner: Any, above: frozenset[Any]) -> bool:
    """Follow every name that a function's code loads, and its attributes, to what it stands for."""
    current = root = _UNKNOWN
    names = _names(function)
    for each in dis.get_instructions(code):
        loaded = each.opname
        if loaded.startswith(_STORING) or str(each.argval).startswith(_WRITING):
            return False
        if loaded in ("LOAD_ATTR", "LOAD_METHOD") and current is not _UNKNOWN:
            if each.argval.startswith(_EFFECTS) and isinstance(root, ModuleType):
                return False
            current = _attribute(current, each.argval)
            continue
        if current is not _UNKNOWN and current is not owner and not _harmless(current, above):
            return False
        current = root = _UNKNOWN
        if loaded in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"):
            local = each.argval in code.co_cellvars
            current = root = _UNKNOWN if local else names.get(each.argval, ...)
        elif loaded.startswith("LOAD_FAST") and owner is not None and each.argval == code.co_varnames[0]:
            current = root = owner
    return all(_computes(c, function, None, above) for c in code.co_consts if isinstance(c, CodeType))


def _names(function: FunctionType) -> dict[str, Any]:
    """Return what the names stand for that a function does not bind itself."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    known = {name: _content(cell) for name, cell in cells}
    return {**vars(builtins), **function.__globals__, **known}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _UNKNOWN  # a name that its function has not bound yet


def _attribute(value: Any, name: str) -> Any:
    if isinstance(value, type) and issubclass(value, torch.autograd.Function) and name == "apply":
        return value
    return getattr(value, name, None)


def _harmless(value: Any, above: frozenset[Any]) -> bool:
    if isinstance(value, FunctionType):
        return not value.__name__.startswith(_EFFECTS) and is_pure(value, None, above)
    if isinstance(value, MethodType):
        return is_pure(value.__func__, value.__self__, above)
    if isinstance(value, partial):
        return all(_harmless(each, above) for each in _parts(value))
    if isinstance(value, type):
        return _harmless_class(value, above)
    if isinstance(value, list | tuple | Mapping):
        return all(_harmless(each, above) for each in _items(value))
    return _known(value) or isinstance(value, _PLAIN + _SCRIPTED)


def _parts(value: "partial[Any]") -> Iterator[Any]:
    yield value.func
    yield from (*value.args, *value.keywords.values())


def _items(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, Mapping) else value


def _harmless_class(value: type, above: frozenset[Any]) -> bool:
    if _of_torch(value.__module__) or issubclass(value, BaseException) or value in _BUILTINS:
        return True
    if not issubclass(value, torch.autograd.Function):
        return False
    steps: list[Any] = [value.forward, value.backward]
    return all(is_pure(step, None, above) for step in steps)


def _known(value: Any) -> bool:
    """Tell whether a function is one of torch's, of the math module's, or a harmless built-in one."""
    try:
        if value in _BUILTINS:
            return True
    except (TypeError, RuntimeError, ValueError):
        return False
    home = getattr(value, "__self__", None)
    own = isinstance(home, ModuleType) and home in (math, operator)
    built_in = isinstance(value, BuiltinFunctionType) and (own or isinstance(home, type))
    name = str(getattr(value, "__name__", ""))
    return (built_in or _of_torch(getattr(value, "__module__", ""))) and not name.startswith(_EFFECTS)


def _of_torch(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in _KNOWN
