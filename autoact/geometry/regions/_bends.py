"""Bends of a network: every place where a unit changes its piece, seen while the network runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from autoact.analysis import channel_subjects, linear_pieces
from autoact.errors import UnsupportedInputError
from autoact.nn import AutoActivation, FixedActivation

Bend = Callable[..., list[Tensor]]
_NEVER = -1e100  # what padding adds to a maximum: less than any value


def _at(*kinks: float) -> Bend:
    return lambda x, *_, **__: [x - kink for kink in kinks]


def _between(x: Tensor, min: Any = None, max: Any = None, **_: Any) -> list[Tensor]:
    return [x - end for end in (min, max) if end is not None]


def _hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> list[Tensor]:
    return [x - min_val, x - max_val]


def _shrunk(x: Tensor, lambd: float = 0.5, **_: Any) -> list[Tensor]:
    return [x - lambd, x + lambd]


def _compared(a: Any, b: Any = 0.0, *_: Any, **__: Any) -> list[Tensor]:
    """Return the difference of what a comparison compares; masks of integers depend on no input."""
    tensors = [each for each in (a, b) if isinstance(each, Tensor)]
    return [a - b] if tensors and all(each.is_floating_point() for each in tensors) else []


def _larger(a: Tensor, b: Any = None, *rest: Any, **named: Any) -> list[Tensor]:
    """Return what a maximum compares: two tensors, or all pairs along a dimension."""
    if isinstance(b, Tensor):
        return _compared(a, b)
    dims = named.get("dim", b)
    if dims is None:
        return []
    kept = [dims] if isinstance(dims, int) else list(dims)
    stacked = a.movedim(kept, list(range(-len(kept), 0))).flatten(-len(kept))
    return _windows(stacked[..., None], stacked.shape[-1])


def _sorted(a: Tensor, dim: int = -1, *_: Any, **__: Any) -> list[Tensor]:
    return _larger(a, dim)


def _windows(stacked: Tensor, window: int) -> list[Tensor]:
    """Return the differences of all pairs within each window, (..., window, N) -> (..., pairs, N)."""
    one, other = torch.triu_indices(window, window, 1)
    return [stacked[..., one, :] - stacked[..., other, :]]


def _max_pool2d(
    x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, *_: Any, **__: Any
) -> list[Tensor]:
    x = x if x.dim() == 4 else x[None]
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    x = F.pad(x, (columns, columns, rows, rows), value=_NEVER)
    stacked = F.unfold(x.flatten(0, 1)[:, None], size, dilation=dilation, stride=stride or size)
    return [part.reshape(len(x), -1) for part in _windows(stacked, size[0] * size[1])]


def _max_pool1d(
    x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, *_: Any, **__: Any
) -> list[Tensor]:
    width, step, pad, gap = (
        each if isinstance(each, int) or each is None else each[0]
        for each in (kernel_size, stride, padding, dilation)
    )
    rows = x[:, :, None] if x.dim() == 3 else x[None, :, None]
    return _max_pool2d(rows, (1, width), (1, step or width), (0, pad), (1, gap))


_ZERO, _POOL2D = _at(0.0), _max_pool2d
_BENDS: dict[Any, Bend] = {
    **dict.fromkeys((F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_), _ZERO),
    **dict.fromkeys((F.leaky_relu, F.leaky_relu_, F.prelu, torch.prelu, Tensor.prelu, F.rrelu), _ZERO),
    **dict.fromkeys((torch.abs, Tensor.abs, Tensor.abs_, Tensor.__abs__, torch.absolute), _ZERO),
    F.relu6: _at(0.0, 6.0),
    F.hardsigmoid: _at(-3.0, 3.0),
    **dict.fromkeys((F.hardtanh, F.hardtanh_), _hardtanh),
    **dict.fromkeys((torch.clamp, torch.clip, Tensor.clamp, Tensor.clip, Tensor.clamp_), _between),
    **dict.fromkeys((torch.clamp_min, Tensor.clamp_min), lambda x, min: [x - min]),
    **dict.fromkeys((torch.clamp_max, Tensor.clamp_max), lambda x, max: [x - max]),
    F.softshrink: _shrunk,
    **dict.fromkeys((torch.maximum, torch.minimum, Tensor.maximum, Tensor.minimum), _larger),
    **dict.fromkeys((torch.max, torch.min, Tensor.max, Tensor.min), _larger),
    **dict.fromkeys((torch.amax, torch.amin, Tensor.amax, Tensor.amin), _larger),
    **dict.fromkeys((torch.sort, Tensor.sort), _sorted),
    **dict.fromkeys((torch.gt, torch.ge, torch.lt, torch.le), _compared),
    **dict.fromkeys((Tensor.gt, Tensor.ge, Tensor.lt, Tensor.le), _compared),
    **dict.fromkeys((Tensor.__gt__, Tensor.__ge__, Tensor.__lt__, Tensor.__le__), _compared),
    **dict.fromkeys((F.threshold, torch.threshold, torch.threshold_), _compared),
    **dict.fromkeys((F.max_pool1d, torch.max_pool1d), _max_pool1d),
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _POOL2D),
}


class _Calls(TorchFunctionMode):
    """Hand on what every call of a bending function compares with 0."""

    def __init__(self, see: Callable[[Tensor], None]) -> None:
        super().__init__()
        self._see = see

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        bend = _BENDS.get(func)
        if bend is not None and args and isinstance(args[0], Tensor):
            for value in bend(*args, **(kwargs or {})):
                self._see(value.detach().clone())
        return func(*args, **(kwargs or {}))


class Bends:
    """A copy of a network in float64 that tells, with its outputs, where each unit stands.

    Args:
        model: Any module; it is copied and evaluated in eval mode.

    Raises:
        UnsupportedInputError: No module, or one that cannot be copied.
        ConfigurationError: A searched layer whose function is not piecewise linear.
    """

    def __init__(self, model: nn.Module) -> None:
        if not isinstance(model, nn.Module):
            raise UnsupportedInputError(f"model is a {type(model).__name__}, not a module. Wrap it in one.")
        try:
            self._model = copy.deepcopy(model).double().cpu().eval()
        except (RuntimeError, TypeError) as error:
            raise UnsupportedInputError(f"{type(model).__name__} cannot be copied: {error}") from error
        self._layers = [m for m in self._model.modules() if isinstance(m, AutoActivation | FixedActivation)]
        self._kinks = [_kinks(layer) for layer in self._layers]

    def run(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return outputs (N, O), and for every place that bends its distances from the bend, (N, units)."""
        seen: list[Tensor] = []
        with (
            self._watched(lambda value: seen.append(value.reshape(len(x), -1))),
            _Calls(lambda value: seen.append(_rows(value, len(x)))),
        ):
            y = self._called(x)
        if not isinstance(y, Tensor) or y.shape[:1] != x.shape[:1]:
            raise UnsupportedInputError(
                "The model must return one tensor with a row per input, got "
                f"{tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__} for {tuple(x.shape)}. "
                "Wrap it."
            )
        return y.reshape(len(x), -1), seen

    def _called(self, x: Tensor) -> Any:
        try:
            return self._model(x)
        except (RuntimeError, IndexError, ValueError) as error:
            parameter = next((f", {name} {tuple(p.shape)}" for name, p in self._model.named_parameters()), "")
            raise UnsupportedInputError(
                f"The model does not take float64 inputs of shape {tuple(x.shape)}{parameter}: {error}. Give "
                "points of an input's shape without the batch dimension; not tokens, but what they embed to."
            ) from error

    @contextmanager
    def _watched(self, see: Callable[[Tensor], None]) -> Iterator[None]:
        def watch(layer: AutoActivation | FixedActivation, kinks: list[list[float]]) -> RemovableHandle:
            def hook(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
                x = arguments[0].detach()
                parts = [x] if len(kinks) == 1 else x.unbind(layer.channel_dim)
                for part, own in zip(parts, kinks, strict=True):
                    for kink in own:
                        see(part - kink)

            return layer.register_forward_pre_hook(hook)

        pairs = zip(self._layers, self._kinks, strict=True)
        handles = [watch(layer, kinks) for layer, kinks in pairs]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def activations(self) -> str:
        """Name the modules that may be why a model is not piecewise linear."""
        plain = (nn.Linear, nn.Flatten, nn.Identity, nn.Dropout, *(type(layer) for layer in self._layers))
        kinds = {type(m).__name__ for m in self._model.modules() if not list(m.children())}
        return ", ".join(sorted(kinds - {kind.__name__ for kind in plain})) or "none"


def _kinks(layer: AutoActivation | FixedActivation) -> list[list[float]]:
    """Return the kinks of every channel of a layer, or those that all share."""
    return [linear_pieces(each).kinks.tolist() for each in channel_subjects(layer)]


def _rows(value: Tensor, count: int) -> Tensor:
    """Return what was compared as one row per input; what has none is the same for every input."""
    return value.reshape(count, -1) if value.shape[:1] == (count,) else value.reshape(1, -1).expand(count, -1)


def check_point(name: str, point: Any) -> Tensor:
    """Return a point as float64.

    Raises:
        UnsupportedInputError: Not finite.
    """
    made = torch.as_tensor(point).detach().cpu().double()
    if not bool(made.isfinite().all()):
        raise UnsupportedInputError(f"{name} has values that are not finite.")
    return made
