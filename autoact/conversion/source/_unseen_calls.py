"""Unseen calls: activations in tables, fetched by name, of operators, scripted, or called from outside."""

import ast
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from autoact._cache import remembered
from autoact.activations import from_function, from_module, get, is_activation_module, list_activations
from autoact.conversion.grid import computed_by
from autoact.conversion.source._call_sites import Call, reached
from autoact.conversion.source._methods import Method, first_name, in_order, methods, names_in
from autoact.conversion.source._rewriting import own_class
from autoact.nn import AutoActivation, FixedActivation

_BY_NAME = (F, torch, torch.Tensor, nn)
_OF_TORCH = frozenset(vars(nn.Module()))
_OPERATORS = (torch._ops.OpOverload, torch._ops.OpOverloadPacket)


def unseen_calls(model: nn.Module, known: Container[str]) -> dict[str, str]:
    """Return what source and objects show of activations that no rewriting reaches, by path.

    Args:
        model: The model.
        known: Paths of modules that are activations themselves.
    """
    found: dict[str, str] = {}
    kinds = set[type]()
    for path, module in model.named_modules():
        if path in known:
            continue
        if isinstance(module, torch.jit.ScriptModule):
            found |= (
                {path: "the activations in its scripted code cannot be rewritten"}
                if _computes(module)
                else {}
            )
        elif isinstance(module, torch.fx.GraphModule):
            if called := _in_graph(module):
                found[_join(path, "forward")] = f"its traced graph calls {called}; convert the model it is of"
        elif own_class(module) not in kinds and (said := _of(own_class(module))):
            found[_join(path, "forward")] = said
        kinds.add(own_class(module))
        for name, value in vars(module).items():
            ours = name in _OF_TORCH or name.startswith("_autoact_")
            if not ours and (names := activations_in(value)):
                kind = type(value).__name__
                found[_join(path, name)] = f"holds {', '.join(names)} in a {kind}; make each an attribute"
    return found


@lru_cache(maxsize=512)
def _of(kind: type) -> str:
    runs = [method for name, method in methods(kind).items() if name in reached(kind) and "loss" not in name]
    calls = [
        (node, method) for method in runs for node in in_order(method.tree) if isinstance(node, ast.Call)
    ]
    return "; ".join(
        f"calls {Call(ast.unparse(node.func), method.file, node.lineno)}, and {what}"
        for node, method in calls
        if (what := _what(node, method))
    )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}".removeprefix(".")


def _what(node: ast.Call, method: Method) -> str:
    called = node.func
    if isinstance(called, ast.Subscript) and (names := activations_in(method.resolve(called.value))):
        return f"which of {', '.join(names)} it takes from the table is known only when the model runs"
    if isinstance(called, ast.Call) and _fetches(called, method):
        return "which function has that name is known only when the model runs"
    found = method.resolve(called)
    if isinstance(found, _OPERATORS) and _named(found) in torch_functions():
        return "it is an operator of torch; call the function of torch.nn.functional instead"
    if isinstance(found, torch.jit.ScriptFunction) and computed_by(found) is None and _computes(found):
        return "it is scripted, and its code cannot be rewritten"
    return "it computes relu by a formula; write nn.ReLU() instead" if _is_clamp(node) else ""


def _fetches(called: ast.Call, method: Method) -> bool:
    first = called.args[0] if called.args else None
    if first is None or not isinstance(called.func, ast.Name) or called.func.id != "getattr":
        return False
    return any(method.resolve(first) is home for home in _BY_NAME)


def _is_clamp(node: ast.Call) -> bool:
    name = getattr(node.func, "attr", "")
    if name not in ("clamp", "clip", "clamp_min", "clamp_", "clamp_min_"):
        return False
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    function = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "torch"
    positions = node.args[1:] if function else node.args
    bounds: dict[str | None, ast.expr] = dict(zip(("min", "max"), positions, strict=False))
    bounds |= given
    lower = bounds.get("min")
    return "max" not in bounds and isinstance(lower, ast.Constant) and lower.value == 0


def activations_in(table: Any) -> list[str]:
    """Return the names of activations that a list or a mapping holds, each once; a dataclass, as modules.

    Functions in a dataclass are rather settings, from which a module takes its own.

    Args:
        table: Anything.

    Example:
        >>> activations_in({"a": F.relu, "b": nn.Tanh(), "c": nn.Linear(1, 1)}), activations_in(F.relu)
        (['relu', 'tanh'], [])
    """
    if is_dataclass(table) and not isinstance(table, type | nn.Module):
        held = (getattr(table, field.name, None) for field in fields(table))
        table = [value for value in held if isinstance(value, nn.Module)]
    if not isinstance(table, list | tuple | Mapping):
        return []
    values = table.values() if isinstance(table, Mapping) else table
    return list(dict.fromkeys(filter(None, map(_name, values))))


def _name(value: Any) -> str | None:
    if isinstance(value, nn.Module):
        known = from_module(value)
        kind = type(value).__name__ if is_activation_module(value) or _is_ours(value) else None
        return known[0] if known else kind
    try:
        own = computed_by(value)
        return own.activation if own is not None else from_function(value) if callable(value) else None
    except TypeError:
        return None  # not hashable


def _is_ours(value: nn.Module) -> bool:
    return isinstance(value, AutoActivation | FixedActivation)


def _computes(scripted: Any) -> bool:
    found = re.findall(r"aten::(\w+)", str(getattr(scripted, "inlined_graph", "")))
    known = torch_functions()
    return any(name.removesuffix("_") in known for name in found)


def _in_graph(traced: torch.fx.GraphModule) -> str:
    """Return the names of the activations that a traced graph calls as functions or methods."""
    targets = [node.target for node in traced.graph.nodes if node.op in ("call_function", "call_method")]
    names = (target if isinstance(target, str) else getattr(target, "__name__", "") for target in targets)
    known = torch_functions()
    return ", ".join(
        dict.fromkeys(known[name] for each in names if (name := each.removesuffix("_")) in known)
    )


def _named(operator: Any) -> str:
    return str(operator.__name__).partition(".")[0].removesuffix("_")


def torch_functions() -> Mapping[str, str]:
    """Return the names of activations by those of torch's functions for them.

    Example:
        >>> torch_functions()["leaky_relu"]
        'leaky_relu'
    """
    return _functions_of(list_activations())


@remembered(maxsize=2)
def _functions_of(names: tuple[str, ...]) -> Mapping[str, str]:
    twins = [(name, twin) for name in names if (twin := get(name).twin)]
    return {
        str(getattr(function, "__name__", "")): name for name, twin in twins for function in twin.functions
    }


def outside_calls(model: nn.Module) -> dict[str, Call]:
    """Return a call of each attribute that some class of a model calls on another object, by attribute.

    Args:
        model: The model.
    """
    found: dict[str, Call] = {}
    for kind in {own_class(module): None for module in model.modules()}:
        for name, call in _called_outside(kind):
            found.setdefault(name, call)
    return found


@lru_cache(maxsize=512)
def _called_outside(kind: type) -> tuple[tuple[str, Call], ...]:
    return tuple(each for method in methods(kind).values() for each in _outside(method))


def _outside(method: Method) -> Iterator[tuple[str, Call]]:
    nodes = list(ast.walk(method.tree))
    held = {name for node in nodes for name in _bound_inside(node, method)}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            below, name = node.func.value, node.func.attr
            root = first_name(below)
            inner = root == method.own_name and not method.is_own(below)
            if inner or (root in held and not hasattr(torch.Tensor, name)):
                yield name, Call(ast.unparse(node.func), method.file, node.lineno)


def _bound_inside(node: ast.AST, method: Method) -> Iterator[str]:
    """Yield the local names that a loop or an assignment binds to something inside the object."""
    if isinstance(node, ast.For):
        targets = [node.target] if method.own_name in names_in(node.iter) else []
    elif isinstance(node, ast.Assign):
        targets = node.targets if first_name(node.value) == method.own_name else []
    else:
        return
    yield from (name for target in targets for name in sorted(names_in(target)))
