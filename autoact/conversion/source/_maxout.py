"""Maxout in a module's source: max over pieces of what one layer computes, or two layers of one input.

The larger of two pieces is b + relu(a - b). Another function in place of relu gives other forms: softplus the
logarithm of the sum of exponentials, identity the piece a. More pieces are folded, one after the other.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from autoact.conversion.source._branches import parents
from autoact.conversion.source._call_arguments import value_of
from autoact.conversion.source._call_sites import Site, numbered, site_at
from autoact.conversion.source._methods import Method, in_order, methods
from autoact.errors import ConversionError

_FUNCTIONS = {torch.max: "max", torch.amax: "amax", torch.maximum: "maximum"}
_FEATURES = ("out_features", "out_channels", "num_features")  # of linear layers, convolutions, norms
_SPLITTING = ("chunk", "split", "tensor_split", "unbind")


@lru_cache(maxsize=512)
def maxima(kind: type) -> tuple[Site, ...]:
    """Return every maximum in the methods of a class that may be a maxout, numbered; its module decides."""
    found = [
        site_at(method, node, parents(method.tree), name="maxout", activation="relu", what="maxout")
        for method in methods(kind).values()
        for node in in_order(method.tree)
        if isinstance(node, ast.expr) and operands(node, method) is not None
    ]
    return numbered(kind, found)


def operands(node: ast.AST, method: Method) -> tuple[ast.expr, ast.expr] | None:
    """Return the tensor and the dimension of a maximum, or the two tensors; None for anything else."""
    first = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == 0
    indexed = first or (isinstance(node, ast.Attribute) and node.attr == "values")
    call: Any = node.value if indexed else node  # type: ignore[attr-defined]
    name, given = _maximum(call, method) if isinstance(call, ast.Call) else (None, [])
    if name is None or len(given) != 2 or any(isinstance(each, ast.Starred) for each in given):
        return None
    over = _number(given[1]) is not None
    fits = {"max": indexed is over, "amax": over and not indexed, "maximum": not over and not indexed}
    return (given[0], given[1]) if fits[name] else None


def _maximum(call: ast.Call, method: Method) -> tuple[str | None, list[ast.expr]]:
    """Return which maximum of torch a call is, None for none, and what it is given."""
    found, given = method.resolve(call.func), list(call.args)
    name = next((name for known, name in _FUNCTIONS.items() if known is found), None)
    if found is None and isinstance(call.func, ast.Attribute) and call.func.attr in _FUNCTIONS.values():
        name, given = call.func.attr, [call.func.value, *given]
    given += [each.value for each in call.keywords if each.arg == "dim"]
    return name if all(each.arg == "dim" for each in call.keywords) else None, given


def is_maxout(site: Site, module: nn.Module) -> bool:
    """Tell whether a maximum is one over pieces of a layer's features, or over two layers of one input."""
    known = operands(site.node, site.method)
    assert known is not None, "only such are sites"
    one, other = (_bound(each, site) for each in known)
    dim = _number(known[1])
    if dim is not None:
        return _pooled(one, dim, site, module)
    if all(_layer(each, site, module) is not None for each in (one, other)):
        return [ast.dump(a) for a in one.args] == [ast.dump(a) for a in other.args]
    same = one is other and known[0] is not known[1] and isinstance(one, ast.Call)
    splits = same and isinstance(one.func, ast.Attribute) and one.func.attr in _SPLITTING
    return splits and _layer(_bound(one.func.value, site), site, module) is not None


def _pooled(made: Any, dim: int, site: Site, module: nn.Module) -> bool:
    """Tell whether a dimension to reduce is one into which a view splits the features of a layer."""
    if not (isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute)):
        return False
    features = _layer(_bound(made.func.value, site), site, module)
    if features is None or made.func.attr not in ("view", "reshape", "unflatten"):
        return False
    if made.func.attr == "unflatten":
        at = _number(made.args[0]) if len(made.args) == 2 else None
        sizes = getattr(made.args[-1], "elts", ())
        return at is not None and 0 <= (dim - at if at >= 0 else dim - at + len(sizes) - 1) < len(sizes)
    given = made.args[0].elts if isinstance(made.args[0], ast.Tuple | ast.List) else made.args
    starred = [index for index, each in enumerate(given) if isinstance(each, ast.Starred)]
    index = dim if dim < 0 else dim - len(given)
    if not -len(given) <= index < 0 or (starred and (dim >= 0 or index + len(given) <= starred[-1])):
        return False
    sizes = [_size(each, site, module) for each in given]
    pieces, around = sizes[index], [sizes[index - 1] if index > -len(given) else None]
    around += [sizes[index + 1]] if index < -1 else []
    if pieces is None or pieces < 2 or features % pieces:
        return False
    return -1 in around or features // pieces in around


def _layer(made: Any, site: Site, module: nn.Module) -> int | None:
    """Return the features of the layer whose result self.LAYER(...) is, None for anything else."""
    function = getattr(made, "func", None)
    if not (isinstance(function, ast.Attribute) and site.method.is_own(function.value)):
        return None
    child = module._modules.get(function.attr)
    return next((getattr(child, name) for name in _FEATURES if hasattr(child, name)), None)


def _bound(node: ast.expr, site: Site) -> Any:
    """Return what was last bound to a local name before it stands there; anything else as it is."""
    if not isinstance(node, ast.Name):
        return node
    values = [value for end, value in _bindings(node.id, site.method) if end < (node.lineno, 0)]
    return values[-1] if values else node


def _bindings(name: str, method: Method) -> Iterator[tuple[tuple[int, int], ast.expr]]:
    for node in in_order(method.tree):
        if isinstance(node, ast.Assign):
            names = {
                each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)
            }
            if name in names:
                yield (node.end_lineno or 0, node.end_col_offset or 0), node.value


def _number(node: ast.expr) -> int | None:
    try:
        found = ast.literal_eval(node)
    except ValueError:
        return None
    return found if type(found) is int else None


def _size(node: ast.expr, site: Site, module: nn.Module) -> int | None:
    try:
        found = value_of(node, site, module)
    except ConversionError:
        return None
    return found if type(found) is int else None
