"""Executed activations: every one that a model computes, with the module and the line that called it.

A function mode of torch sees what Python calls, a dispatch mode what compiled code does (`torch.jit`).
"""

import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autoact.conversion.grid import LIBRARIES
from autoact.conversion.source import torch_functions
from autoact.nn import AutoActivation, FixedActivation

Line = tuple[str, int]
# of other names than the functions of registered activations
_FURTHER = {
    **{name: name for name in ("glu", "prelu", "rrelu", "threshold")},
    "_threshold": "threshold",  # torch.nn.functional's
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "log_sigmoid_forward": "logsigmoid",
    "_prelu_kernel": "prelu",
    "rrelu_with_noise": "rrelu",
}
_OTHER = re.compile(r".*loss.*|backward|optimizer_step|configure_.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Executed:
    """An activation that ran outside of every layer.

    Attributes:
        name: Of the activation.
        path: Of the module whose code called it.
        where: File, without folders, and line; ("", 0) where no source is known.
        caller: The same of the module's own code, which may call a function or an object elsewhere.
    """

    name: str
    path: str
    where: Line
    caller: Line

    def __str__(self) -> str:
        """Return what is to be said about it."""
        where = f" ({self.where[0]}, line {self.where[1]})" if self.where[0] else ""
        caller = f", called at {self.caller[0]}, line {self.caller[1]}" if self.caller != self.where else ""
        return f"runs {self.name}{where}{caller}, where no rewriting reaches it"


@dataclass(slots=True)
class Watch:
    """Watch over what a model executes: notes activations that are no layers and that nothing speaks of.

    Args:
        model: The model.
        left_alone: Paths of what is spoken of already.
        lines: Lines that are spoken of already.
        layer: Class of what stands in for a layer.
        operators: Whether compiled code is watched too.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> with Watch(model) as watch:
        ...     _ = model(torch.ones(1, 2))
        >>> [each.name for each in watch.found]
        ['relu']
    """

    model: nn.Module
    left_alone: Container[str] = ()
    lines: Container[Line] = ()
    layer: tuple[type, ...] = ()
    operators: bool = True
    found: dict[Executed, int] = field(default_factory=dict, init=False)
    _modules: dict[int, str] = field(default_factory=dict, init=False)
    _modes: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> "Watch":
        """Begin."""
        layers = [
            m for m in self.model.modules() if isinstance(m, (*self.layer, AutoActivation, FixedActivation))
        ]
        inner = {id(part) for layer in layers for part in layer.modules()}
        self._modules = {id(m): path for path, m in self.model.named_modules() if id(m) not in inner}
        functions = _Functions(self._note)
        self._modes.enter_context(torch.compiler.set_stance("force_eager"))
        self._modes.enter_context(functions)
        if self.operators:
            self._modes.enter_context(_Operators(self._note, functions))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._modes.close()

    def said(self) -> dict[str, str]:
        """Return what is to be said, by "path.forward" of the first module that runs each line."""
        first: dict[tuple[str, Line], Executed] = {}
        for each in self.found:
            first.setdefault((each.name, each.where), each)
        found: dict[str, list[str]] = {}
        for each in first.values():
            found.setdefault(f"{each.path}.forward".removeprefix("."), []).append(str(each))
        return {path: "; ".join(said) for path, said in found.items()}

    def _note(self, name: str, frame: FrameType | None) -> None:
        where: Line = ("", 0)
        outside: Executed | None = None  # of a module whose code is a library's
        for each in _outward(frame):
            owner, library = _owner(each), _home(each) in LIBRARIES
            if _home(each) == "torchmetrics" or _OTHER.fullmatch(each.f_code.co_name):
                return
            if _OTHER.fullmatch(type(owner).__name__):
                return
            if isinstance(owner, (*self.layer, AutoActivation, FixedActivation)):
                return
            path = self._modules.get(id(owner)) if isinstance(owner, nn.Module) else None
            if path is not None and path in self.left_alone:
                return
            line = (Path(each.f_code.co_filename).name, each.f_lineno)
            if library:
                if path is not None and isinstance(owner, nn.GLU) and f"{path}.glu_1" in self.left_alone:
                    return
                if path is not None and outside is None:
                    outside = Executed(name, path, where, where)
                continue
            if line in self.lines:
                return
            where = where if where[0] else line
            if path is not None:
                outside = Executed(name, path, where, line)
                break
        if outside is not None:
            self.found[outside] = self.found.get(outside, 0) + 1


class _Functions(TorchFunctionMode):
    """Sees what Python calls; what these functions call in their turn is part of them."""

    def __init__(self, note: Callable[[str, FrameType | None], None]) -> None:
        super().__init__()
        self.note, self.inside = note, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = activation_name(func, args, kwargs or {})
        if name:
            self.note(name, sys._getframe(1))
        self.inside += 1
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.inside -= 1


class _Operators(TorchDispatchMode):
    """Sees what is executed without any call from Python."""

    def __init__(self, note: Callable[[str, FrameType | None], None], functions: _Functions) -> None:
        super().__init__()
        self.note, self.functions = note, functions

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = "" if self.functions.inside else activation_name(func, args, kwargs or {})
        if name:
            self.note(name, sys._getframe(1))
        return func(*args, **(kwargs or {}))


def activation_name(function: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """Return the activation that a call of torch computes, or ""; that of a parameter is none.

    Args:
        function: torch's function, a tensor's method, or an operator.
        args: Of the call.
        named: Of the call.

    Example:
        >>> activation_name(torch.clamp, (torch.ones(2),), {"min": 0}), activation_name(torch.sum, (), {})
        ('relu', '')
    """
    own = str(getattr(function, "__name__", "")).partition(".")[0]
    bare = own if own.startswith("_") else own.removesuffix("_")
    given = args[0] if args else named.get("input")
    if not isinstance(given, Tensor) or isinstance(given, nn.Parameter) or not given.is_floating_point():
        return ""
    if bare in ("clamp", "clip", "clamp_min"):
        lower, upper = _bounds(args, named)
        found = {None: "relu", 6: "relu6"} if upper is None or isinstance(upper, int | float) else {}
        return found.get(upper, "") if _is_zero(lower) else ""
    if bare in ("maximum", "max"):
        return "relu" if any(map(_is_zero, (*args[:2], named.get("other")))) and len(args) < 3 else ""
    return _FURTHER.get(bare) or torch_functions().get(bare, "")


def _bounds(args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, Any]:
    lower = args[1] if len(args) > 1 else named.get("min")
    upper = args[2] if len(args) > 2 else named.get("max")
    return lower, upper


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and value.numel() > 0 and not bool(value.any())
    return isinstance(value, int | float) and value == 0


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _owner(frame: FrameType) -> Any:
    """Return the first argument of a frame's function."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _home(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
