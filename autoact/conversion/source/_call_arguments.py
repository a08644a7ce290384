"""Arguments of a call of an activation function: its input, its settings, and whether it works in place."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import nn

from autoact.activations import from_module, get
from autoact.conversion.grid import computed_by
from autoact.conversion.source._call_sites import Site, activation_of
from autoact.conversion.source._methods import names_in
from autoact.errors import ConfigurationError, ConversionError
from autoact.spaces import Choice

# methods whose result may share memory with what they are called on
VIEWS = set(
    (
        "view reshape flatten squeeze unsqueeze transpose permute expand detach chunk split unbind narrow "
        "select contiguous to float"
    ).split()
)


def input_of(site: Site) -> ast.expr:
    """Return the expression that the activation is applied to.

    Raises:
        ConversionError: There is none, or more than one.
    """
    node = site.node
    if site.is_factor or site.what == "maxout":
        return node
    if site.attribute is None and _is_tensor_method(site):
        assert isinstance(node.func, ast.Attribute)
        return node.func.value
    named = [keyword.value for keyword in node.keywords if keyword.arg in ("input", "x")]
    given = [*node.args[:1], *named]
    plain = not any(isinstance(each, ast.Starred) for each in node.args)
    if len(given) != 1 or not plain or any(keyword.arg is None for keyword in node.keywords):
        raise ConversionError("its input cannot be told from the source")
    return given[0]


def works_in_place(site: Site, module: nn.Module) -> bool:
    """Tell whether the call changes its input."""
    if site.what != "call":
        return False
    if site.attribute is None:
        called = activation_of(site.node.func, site.method)[1]
    else:
        called = getattr(module, site.attribute, None)
    bound, function = (called.keywords, called.func) if isinstance(called, partial) else ({}, called)
    asked = inplace_argument(function, site.node)
    if asked is not None:
        return bool(value_of(asked, site, module))
    if isinstance(function, nn.Module):
        return bool(getattr(function, "inplace", False))
    return bool(bound.get("inplace")) or str(getattr(function, "__name__", "")).endswith("_")


def inplace_argument(function: Any, node: ast.Call) -> ast.expr | None:
    """Return what a call gives as `inplace`, by name or by position; None if it gives nothing."""
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    if "inplace" in named or not isinstance(function, FunctionType):
        return named.get("inplace")
    known = list(inspect.signature(function).parameters)
    position = known.index("inplace") if "inplace" in known else len(node.args)
    return node.args[position] if position < len(node.args) else None


def may_be_seen(site: Site) -> bool:
    """Tell whether anything but the call's result may show that its input was changed in place."""
    given = input_of(site)
    if site.discarded:
        return True
    if isinstance(given, ast.Call):
        return isinstance(given.func, ast.Attribute) and given.func.attr in VIEWS
    if isinstance(given, ast.BinOp):
        return False
    return not (isinstance(given, ast.Name) and _is_owned(given.id, site))


def input_may_be_seen(site: Site) -> bool:
    """Tell the same of a call whose input the source may not tell: then yes."""
    try:
        return may_be_seen(site)
    except ConversionError:
        return True


def _is_owned(name: str, site: Site) -> bool:
    """Tell whether a local name holds fresh results only, under no other name, and is replaced here."""
    tree, replaced = site.method.tree, False
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(node.value, ast.Name | ast.Tuple | ast.List) and name in names_in(node.value):
                return False
            changed = {n for target in targets for n in names_in(target)}
            if name in changed and not isinstance(node, ast.AugAssign):
                if not isinstance(node.value, ast.Call | ast.BinOp) or isinstance(targets[0], ast.Tuple):
                    return False
                function = node.value.func if isinstance(node.value, ast.Call) else None
                if isinstance(function, ast.Attribute) and function.attr in VIEWS:
                    return False
            if node.value is site.node:
                replaced = [n for target in targets for n in names_in(target)] == [name]
        elif isinstance(node, ast.Return) and node.value is site.node:
            replaced = True
    arguments = (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)
    return replaced and name not in {argument.arg for argument in arguments}


def choice_of(site: Site, module: nn.Module) -> Choice:
    """Return the activation that a call computes, with its settings as they are on a module now.

    Raises:
        ConversionError: The settings are no constants, or no search could have them.
    """
    input_of(site)
    name = site.activation or ""
    if site.what != "call" or _is_tensor_method(site):
        return Choice(name)
    if (own := computed_by(activation_of(site.node.func, site.method)[1])) is not None:
        return _without_settings(own, site)
    return with_settings(name, *_settings(site, module))


def _without_settings(choice: Choice, site: Site) -> Choice:
    """Return what a function of the user's computes that was tried with its input alone."""
    if has_settings(site):
        raise ConversionError("it gives settings to a function that is known without them only")
    return choice


def choice_of_held(site: Site, module: nn.Module, name: str, bound: Mapping[str, Any]) -> Choice:
    """Return the activation that self.ATTRIBUTE(x, ...) computes where the attribute holds a function.

    Args:
        site: The call.
        module: Whose attribute it is.
        name: Of the activation that the function computes.
        bound: Settings that the function has already, by `functools.partial`; the call's own come before.

    Raises:
        ConversionError: The settings are no constants, or no search could have them.
    """
    input_of(site)
    held = getattr(module, site.attribute or "", None)
    if (own := computed_by(held)) is not None:
        return _without_settings(own, site)
    given, named = _settings(site, module)
    return with_settings(name, given, {**bound, **named})


def has_settings(site: Site) -> bool:
    """Tell whether a call gives anything but its input.

    Raises:
        ConversionError: The input cannot be told from the source.
    """
    return len(site.node.args) + len(site.node.keywords) > (input_of(site) is not None)


def _settings(site: Site, module: nn.Module) -> tuple[list[Any], dict[str, Any]]:
    """Return what a call gives besides its input, by position and by name."""
    given = [value_of(node, site, module) for node in site.node.args[1:]]
    named = {
        str(keyword.arg): value_of(keyword.value, site, module)
        for keyword in site.node.keywords
        if keyword.arg not in ("input", "x")
    }
    return given, named


def with_settings(name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Choice:
    """Return the activation that torch's function of a name computes with further arguments.

    Raises:
        ConversionError: No search could have these settings.
    """
    twin = get(name).twin
    if twin is None:
        return Choice(name)
    try:
        bound = inspect.signature(twin.module).bind(*given, **named)
        found = from_module(twin.module(*bound.args, **bound.kwargs))
        if found is None:
            raise ConversionError("its settings are those of no registered activation")
        return Choice(*found)
    except (TypeError, ConfigurationError) as error:
        raise ConversionError(f"its settings cannot be searched: {error}") from error


def value_of(node: ast.expr, site: Site, module: nn.Module) -> Any:
    """Return the value of a constant, of an attribute of the module, or of a name of its file.

    Raises:
        ConversionError: The value is made while the model runs.
    """
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    found = _attribute(node, site, module)
    if found is None:
        found = site.method.resolve(node)
    if isinstance(found, torch.Tensor) or not isinstance(found, bool | int | float | str):
        raise ConversionError(f"its setting {ast.unparse(node)} is known only when the model runs")
    return found


def _attribute(node: ast.expr, site: Site, module: Any) -> Any:
    if site.method.is_own(node):
        return module
    if isinstance(node, ast.Attribute):
        return getattr(_attribute(node.value, site, module), node.attr, None)
    return None


def _is_tensor_method(site: Site) -> bool:
    function = site.node.func
    return isinstance(function, ast.Attribute) and site.method.resolve(function) is None
