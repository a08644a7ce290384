"""Classes whose methods call layers in place of activations, made from the text of these methods.

Nothing of autoact is imported here: pickles of finalized models hold the text of this file, so that whoever
loads them needs torch and the user's class only.
"""

import ast
import inspect
import linecache
import zlib
from abc import ABCMeta
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if "TEXT" not in globals():  # imported, not executed by a pickle that brings it
    TEXT = Path(__file__).read_text(encoding="utf-8")
_LOADING = "exec(TEXT, globals()) or loaded(*given)"


class Unannounced(nn.Module):
    """First base of a generated class: keeps `__init_subclass__` of users' classes from running for it.

    A module itself, or instances of the user's class could not become instances of the generated one.
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Do nothing: a registry of classes must not take the generated one for the user's."""


def subclass(base: type, attributes: dict[str, Any]) -> type:
    """Return a subclass of the same name without running what users run for each class they define."""
    described = {key: getattr(base, key, None) for key in ("__module__", "__qualname__", "__doc__")}
    ours = {
        "_autoact_base": base,
        "_autoact_in_place": staticmethod(in_place),
        "_autoact_glu": staticmethod(glu),
        "_autoact_half": staticmethod(half),
        "_autoact_maxout": staticmethod(maxout),
        "_autoact_of_turn": staticmethod(of_turn),
    }
    make = ABCMeta if issubclass(type(base), ABCMeta) else type
    return make.__new__(type(base), base.__name__, (Unannounced, base), {**described, **ours, **attributes})


def in_place(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Do what torch's in-place activations do: x itself changes, whoever else holds it."""
    return x.copy_(layer(x.clone()))


def glu(layer: Callable[[Tensor], Tensor], x: Tensor, dim: int = -1) -> Tensor:
    """Do what torch's GLU does, half of x times the sigmoid of the other half, with another function of it.

    Args:
        layer: The function of the gate.
        x: Any tensor; half precision is computed in float32 and rounded once, as torch does.
        dim: The dimension that is halved.
    """
    if x.dim() == 0 or x.size(dim) % 2:
        return F.glu(x, dim)  # says what is wrong
    value, gate = x.chunk(2, dim)
    if x.dtype in (torch.float16, torch.bfloat16):
        return (value.float() * layer(gate.float())).to(x.dtype)
    return value * layer(gate)


def half(layer: Callable[[Tensor], Tensor], x: Tensor, dim: int = -1) -> Tensor:
    """Apply a function to the first half of what torch's GLU is given, which its gate multiplies.

    Args:
        layer: The function.
        x: Any tensor.
        dim: The dimension that is halved.
    """
    if x.dim() == 0 or x.size(dim) % 2:
        return x  # F.glu says what is wrong
    value, gate = x.chunk(2, dim)
    return torch.cat((layer(value), gate), dim)


def maxout(layer: Callable[[Tensor], Tensor], x: Tensor, other: Any) -> Tensor:
    """Do what a maximum of pieces does, b + relu(a - b) one piece after the other, with another function.

    Args:
        layer: The function of the difference.
        x: The first of two pieces, or all of them in one tensor.
        other: The second piece, or the dimension of x along which the pieces lie.
    """
    found, *pieces = (x, other) if isinstance(other, Tensor) else x.unbind(other)
    for piece in pieces:
        ahead = piece - found
        change = layer(ahead) - torch.relu(ahead)  # 0 where it is a maximum
        found = torch.maximum(found, piece) + change
    return found


def of_turn(
    module: nn.Module, place: str, layers: tuple[str | None, ...], sizes: tuple[int, ...], *turn: int
) -> Any:
    """Return the layer of a turn of loops; None where that turn has none of its own.

    Args:
        module: That has the layers.
        place: How to speak about the call.
        layers: Name of the layer of each turn, those of the innermost loop together.
        sizes: Turns of each loop, the outermost first.
        *turn: Number of the turn in each loop, from 0.

    Raises:
        IndexError: The loop has more turns than the model had when it got its activations.
    """
    index = 0
    for number, size in zip(turn, sizes, strict=True):
        if number >= size:
            raise IndexError(
                f"{place} runs in turn {number + 1} of a loop that had {size} turns when the model got its "
                "activations, one for each turn. Convert the model when it has all its layers."
            )
        index = index * size + number
    name = layers[index]
    return None if name is None else getattr(module, name)


def plain_class(base: type, calls: Iterable[Any], texts: tuple[tuple[str, str], ...]) -> type:
    """Return a subclass whose objects are pickled with all it takes to make it.

    Args:
        base: The user's class.
        calls: What was rewritten, in plain types.
        texts: Name and source of each method that differs.
    """
    known: type
    for known in type.__subclasses__(base):
        if vars(known).get("_autoact_texts") == texts:
            return known
    attributes = {name: _from_text(base, name, text) for name, text in texts}
    ours = {"_autoact_opened": tuple(map(tuple, calls)), "_autoact_texts": texts, "__reduce_ex__": _reduce}
    ours["_autoact_forward"] = getattr(base, "forward", None)
    return subclass(base, {**ours, **attributes})


def reduced(self: Any, protocol: Any) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]] | str:
    """Return the generated class of an object, how the user's class makes a copy of it, and the rest."""
    kind: Any = next(each for each in type(self).__mro__ if "_autoact_base" in vars(each))
    found = super(kind, self).__reduce_ex__(protocol)
    if isinstance(found, str):
        return found
    function, arguments, *rest = found
    given = tuple(kind._autoact_base if each is kind else each for each in arguments)
    return kind, (kind._autoact_base if function is kind else function, given), tuple(rest)


def _reduce(self: Any, protocol: Any) -> Any:
    found = reduced(self, protocol)
    if isinstance(found, str):
        return found
    kind, made_by, rest = found
    given = (*made_by, kind._autoact_base, kind._autoact_opened, kind._autoact_texts)
    return eval, (_LOADING, {"__name__": "chosen_activations", "TEXT": TEXT, "given": given}), *rest


def loaded(
    function: Callable[..., Any], arguments: tuple[Any, ...], base: type, calls: Any, texts: Any
) -> Any:
    """Return what a function of the user's class makes, as an object of the generated class."""
    made = function(*arguments)
    object.__setattr__(made, "__class__", plain_class(base, calls, texts))
    return made


def _from_text(base: type, name: str, text: str) -> Any:
    """Return a method from its text, which tracebacks, debuggers and TorchScript find under its file name."""
    file = f"<{base.__qualname__}.{name} with chosen activations {zlib.crc32(text.encode()):08x}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    tree: Any = ast.parse(text).body[0]
    try:
        owner = next(each for each in base.__mro__ if name in vars(each))
        return remade(tree, owner.__name__, inspect.unwrap(vars(owner)[name]), file)
    except (KeyError, StopIteration) as error:
        raise AttributeError(
            f"{base.__qualname__}.{name} is not what it was when the model was finalized and saved. "
            f"Load the model with {base.__module__} as it was then."
        ) from error


def remade(tree: ast.FunctionDef, owner: str, old: Any, file: str) -> Any:
    """Return a method as its syntax says, inside its decorators.

    Args:
        tree: Its syntax; loses its decorators.
        owner: Name of the class in which it stands.
        old: The function that it takes the place of, with its globals, closure and defaults.
        file: Name of the file, for tracebacks.

    Raises:
        ValueError: A decorator cannot be applied again.
    """
    decorators, tree.decorator_list = tree.decorator_list, []
    made: Any = _function(old, _code(tree, owner, old, file))
    for decorator in reversed(decorators):
        made = _decorated(decorator, old, made)
    return made


def _code(tree: ast.FunctionDef, owner: str, old: Any, file: str) -> CodeType:
    """Compile a method where it would stand: in its class (for private names), inside what it closes over."""
    names = ", ".join(name for name in old.__code__.co_freevars if name != "__class__")
    frame = ast.parse(f"def outside({names}):\n class {owner}:\n  pass")
    function: Any = frame.body[0]
    function.body[0].body = [tree]
    compiled = compile(frame, file, "exec", dont_inherit=True)
    for name in ("outside", owner, tree.name):
        compiled = next(
            each for each in compiled.co_consts if isinstance(each, CodeType) and each.co_name == name
        )
    return compiled


def _function(old: Any, code: CodeType) -> FunctionType:
    cells = dict(zip(old.__code__.co_freevars, old.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    new = FunctionType(code, old.__globals__, old.__name__, old.__defaults__, closure)
    new.__kwdefaults__, new.__annotations__ = old.__kwdefaults__, old.__annotations__
    new.__qualname__, new.__module__, new.__doc__ = old.__qualname__, old.__module__, old.__doc__
    vars(new).update(vars(old))
    return new


def _decorated(decorator: ast.expr, old: Any, made: Any) -> Any:
    apply = _evaluated(decorator, old)
    try:
        return apply(made)
    except Exception as error:  # a user's decorator runs a second time here, and may refuse for any reason
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"its decorator @{ast.unparse(decorator)} cannot be applied again: {why}") from error


def _evaluated(decorator: ast.expr, old: Any) -> Any:
    """Return a decorator by evaluating it again where its class was defined."""
    inside = zip(old.__code__.co_freevars, old.__closure__ or (), strict=True)
    code = compile(ast.Expression(decorator), old.__code__.co_filename, "eval")
    try:
        cells = {name: cell.cell_contents for name, cell in inside if name != "__class__"}
        return eval(code, {**old.__globals__, **cells})
    except Exception as error:  # evaluating it may call a user's function, which may raise anything
        raise ValueError(f"its decorator @{ast.unparse(decorator)} is not at hand: {error}") from error
