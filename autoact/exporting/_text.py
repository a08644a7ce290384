"""Text of a Python module over torch alone that puts a model's activations into a fresh model."""

import copy
import re
from collections.abc import Mapping
from typing import Any

import sympy as sp
import torch
from torch import nn

from autoact.activations import Activation, Opaque, X, function_source, get
from autoact.conversion import finalize
from autoact.conversion.source import opened
from autoact.conversion.surroundings import has_ones
from autoact.errors import ConversionError
from autoact.nn import FixedActivation

_IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
_CLASS = '''

class Elementwise(nn.Module):
    """A function of every element; one parameter per channel is a buffer, and runs along `channel_dim`."""

    def __init__(self, function, channel_dim=1, **channels):
        super().__init__()
        self.function, self.channel_dim = function, channel_dim
        self.names = tuple(channels)
        for name, values in channels.items():
            self.register_buffer(name, torch.tensor(values))

    def forward(self, x):
        inner = x if x.dtype == torch.float64 else x.float()
        shape = [1] * x.dim()
        if self.names:
            shape[self.channel_dim] = -1
        channels = [getattr(self, name).to(inner.dtype).view(shape) for name in self.names]
        return self.function(inner, *channels).to(x.dtype)

    def extra_repr(self):
        return self.function.__name__
'''
_PUT = '''
def put(model):
    """Put the activations into a fresh model of the same class, in place, and return it."""
    near = next(model.parameters(), None)
    for paths, make in LAYERS:
        module = make()
        if near is not None:  # PReLU computes in the precision of its slopes alone
            dtype = near.dtype if isinstance(module, nn.PReLU) else None
            module.to(device=near.device, dtype=dtype)
        for path in paths:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, module)
    return model
'''


def ready(model: nn.Module) -> nn.Module:
    """Return a copy of a model that is searched no more, in evaluation mode.

    Args:
        model: Any model; in the copy of one that is still searched, the choice is made.

    Example:
        >>> from autoact.conversion import convert
        >>> ready(convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["relu", "tanh"]))[1]
        ReLU()
    """
    inner = getattr(model, "_orig_mod", model)  # of a compiled one, what it compiles
    return finalize(copy.deepcopy(inner)).eval()


def plain(model: nn.Module) -> nn.Module:
    """Return a model in which no layer is of autoact, but made of text that formulas gave.

    Args:
        model: A model with an activation per layer; it is changed.

    Raises:
        ConversionError: A layer computes a torch callable without formula.

    Example:
        >>> from autoact.conversion import apply
        >>> plain(apply(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), {"1": "squareplus"}))[1]
        Elementwise(squareplus)
    """
    written = _Written(model)
    namespace: dict[str, Any] = {}
    exec(compile(_IMPORTS + written.functions(), "<autoact export>", "exec"), namespace)
    for paths, layer in written.own.items():
        made = namespace["Elementwise"](
            namespace[written.names[paths]], layer.channel_dim, **_channels(layer)
        )
        for path in paths:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, made.to(_device(model)))
    return model.eval()


def module_text(model: nn.Module) -> str:
    """Return the text of a module whose `put` makes a fresh model of the class compute what this one does.

    Args:
        model: A model with an activation per layer.

    Raises:
        ConversionError: An activation is called in the class's own code where no layer can be put, or has no
            formula.

    Example:
        >>> from autoact.conversion import apply
        >>> text = module_text(apply(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), {"1": "squareplus"}))
        >>> print(text[text.index("LAYERS") :].splitlines()[1])
            (('1',), lambda: Elementwise(squareplus)),
    """
    for path, module in model.named_modules():
        if calls := opened(module):
            raise ConversionError(
                f"{type(module).__name__} ({path or 'the model itself'}) calls {len(calls)} activations in "
                "its own code, where no module can be put from outside. Export it as torch-export or onnx, "
                "which need no class, or make those calls layers of the class."
            )
    if path := next((path for path, module in model.named_modules() if has_ones(module)), None):
        raise ConversionError(
            f"The block with {path} is plain, and the class makes it gated: activations alone do not give it "
            "its layers. Export it as torch-export or onnx, which need no class, or write the plain block in "
            "the class."
        )
    written = _Written(model)
    head = (
        f'"""Activations of {type(model).__name__}, written by autoact; torch is all that it needs.\n\n'
        '    model = put(YourModel())\n    model.load_state_dict(torch.load("weights.pt"))\n"""\n\n'
    )
    layers = "".join(f"    ({paths!r}, lambda: {made}),\n" for paths, made in written.layers())
    return f"{head}{_IMPORTS}{written.functions()}\n\nLAYERS = [\n{layers}]\n\n{_PUT}"


class _Written:
    """What of a model's layers has to be written, by the paths that hold the same one."""

    def __init__(self, model: nn.Module) -> None:
        paths: dict[int, list[str]] = {}
        modules: dict[int, nn.Module] = {}
        for path, module in model.named_modules(remove_duplicate=False):
            if isinstance(module, FixedActivation) or _is_torchs(module):
                paths.setdefault(id(module), []).append(path)
                modules[id(module)] = module
        self._modules = {tuple(paths[key]): module for key, module in modules.items()}
        self.own = {p: m for p, m in self._modules.items() if isinstance(m, FixedActivation)}
        self.names: dict[tuple[str, ...], str] = {}
        self._sources: dict[str, str] = {}
        for place, layer in self.own.items():
            self.names[place] = self._named(layer, place)

    def _named(self, layer: FixedActivation, place: tuple[str, ...]) -> str:
        """Return the name of the function of a layer, written once for equal ones."""
        expression, arguments = _expression(layer, place)
        base = re.sub(r"\W", "_", layer.name)
        for number in range(1, len(self._sources) + 2):
            name = base if number == 1 else f"{base}_{number}"
            source = function_source(name, arguments, [expression])
            if self._sources.setdefault(name, source) == source:
                return name
        raise AssertionError("one of so many names is free")

    def functions(self) -> str:
        """Return the functions and their layer, as text."""
        if not self.own:
            return ""
        single = [
            re.sub(r"return \((.*),\)$", r"return \1", text, flags=re.M) for text in self._sources.values()
        ]
        return "".join(f"\n\n{text}" for text in single) + _CLASS

    def layers(self) -> list[tuple[tuple[str, ...], str]]:
        """Return each layer's paths, and the text that makes it."""
        return [(paths, self._made(paths, module)) for paths, module in self._modules.items()]

    def _made(self, paths: tuple[str, ...], module: nn.Module) -> str:
        if not isinstance(module, FixedActivation):
            return f"nn.{module!r}"
        values = [self.names[paths]]
        if channels := _channels(module):
            values.append(f"channel_dim={module.channel_dim}")
            values += [f"{name}={value!r}" for name, value in channels.items()]
        return f"Elementwise({', '.join(values)})"


def _is_torchs(module: nn.Module) -> bool:
    """Tell whether a layer is one that torch calls an activation; attention stands there as well."""
    return type(module).__module__ == nn.ReLU.__module__ and not list(module.children())


def _channels(layer: FixedActivation) -> dict[str, list[float]]:
    return {name: value.tolist() for name, value in layer.named_buffers()}


def _expression(layer: FixedActivation, place: tuple[str, ...]) -> tuple[sp.Expr, list[str]]:
    """Return the formula of a layer with its numbers, and the names of what it is a function of."""
    act: Activation = get(layer.name)
    if act.expression.has(Opaque):
        raise ConversionError(
            f"{place[0]} is {layer.name}, a torch callable without formula: nothing can write it down. "
            "Register it as an expression, or keep autoact where the model is used."
        )
    values: Mapping[str, Any] = act.settings(**layer.settings.parameters)
    channels = [name for name, value in values.items() if isinstance(value, tuple)]
    numbers = {
        symbol: sp.Float(values[symbol.name], 17) for symbol in act.symbols if symbol.name not in channels
    }
    return act.expression.subs(numbers), [X.name, *channels]


def _device(model: nn.Module) -> torch.device:
    first = next(iter(model.parameters()), None)
    return torch.device("cpu") if first is None else first.device
