"""Recognition of users' modules that compute one registered activation, by what they compute.

Libraries write their own GELU or SiLU modules, by formula or around a torch function. A module without
parameters, buffers and children whose source has activation-like operations is applied to a grid.
"""

import ast
import inspect
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from autoact.activations import get, list_activations
from autoact.conversion.source import Method, methods
from autoact.spaces import Choice

_TOLERANCE = 1e-6
_OTHER = (Choice("swish", {"beta": 1.702}),)  # "quick GELU"
_NEVER = ("identity", "abs", "exp", "cosine")  # operations rather than somebody's activation
_SIGNS = {
    *("relu", "gelu", "silu", "swish", "mish", "elu", "selu", "celu", "softplus", "sigmoid", "tanh", "erf"),
    *("clamp", "clip", "clamp_min", "maximum", "exp", "expm1", "where", "hardswish", "hardtanh", "relu6"),
    *("leaky_relu", "softsign", "logsigmoid", "sin", "hardsigmoid", "act", "max", "pow"),
}


def wrapped(module: nn.Module) -> Choice | None:
    """Return the registered activation that a user's module computes, or None.

    Example:
        >>> wrapped(nn.Linear(2, 2)) is None
        True
    """
    kind: Any = type(module)
    written = methods(kind)
    if "forward" not in written or list(module.children()) or vars(module).get("_forward_hooks"):
        return None
    if any(True for _ in module.parameters(recurse=False)) or any(
        True for _ in module.buffers(recurse=False)
    ):
        return None
    if not _takes_one_tensor(written["forward"]) or not _looks_like_one(tuple(written.values())):
        return None
    values = _computed(module)
    return None if values is None else _nearest(values)


def _takes_one_tensor(forward: Method) -> bool:
    if forward.static:
        return False
    needed = [
        argument
        for argument in inspect.signature(forward.function).parameters.values()
        if argument.default is argument.empty and argument.kind is not argument.VAR_KEYWORD
    ]
    return len(needed) == 2 and all(a.kind is a.POSITIONAL_OR_KEYWORD for a in needed)


@lru_cache(maxsize=512)
def _looks_like_one(written: tuple[Method, ...]) -> bool:
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for method in written
        for node in ast.walk(method.tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }
    return bool(names & _SIGNS)


@lru_cache(maxsize=1)
def _grid() -> Tensor:
    return torch.cat([torch.linspace(-12, 12, 193, dtype=torch.float64), torch.tensor([1e-3, 30.0, -30.0])])


def _computed(module: nn.Module) -> Tensor | None:
    """Return the values on the grid if the module works element by element, else None."""
    x = _grid()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            values = module(x.clone())
            turned = module(x.flip(0).view(2, -1).clone())
    except Exception:  # any module may be asked, and one that refuses a plain tensor is no activation
        return None
    if not isinstance(values, Tensor) or values.shape != x.shape or not isinstance(turned, Tensor):
        return None
    return values if torch.equal(turned.flatten().flip(0), values) else None


@lru_cache(maxsize=1)
def _known() -> tuple[tuple[Choice, Tensor], ...]:
    """Return what may be recognized; the plainest of equal functions first, torch's own before others."""
    members = [get(name) for name in list_activations() if name not in _NEVER]
    members.sort(key=lambda act: (act.twin is None, len(act.parameters)))
    choices = [*(Choice(act.name) for act in members), *_OTHER]
    return tuple((c, get(c.activation)(_grid(), **c.parameters)) for c in choices)


def _nearest(values: Tensor) -> Choice | None:
    values = values.double()
    scale = 1 + values.abs()
    for choice, expected in _known():
        if bool((((values - expected) / scale).abs() <= _TOLERANCE).all()):
            return choice
    return None
