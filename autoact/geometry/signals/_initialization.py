"""Initial weights for the activations that are in place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from autoact.conversion.surroundings import evaluating
from autoact.errors import ConfigurationError
from autoact.geometry.signals._meters import first_rows, slopes, spread, unit_dim
from autoact.geometry.signals._watching import Seen, run, watching

Weighted = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
# second moments that shall return to 1. A wider range costs what tells inputs apart: SiLU's batch variance
# after 50 layers of 2,048 units is 5e-3 with 1.15 at the end, 8e-4 with 1.35 and 4e-5 with 2
_ROOTS = tuple(math.sqrt(q) for q in (0.5, 1.0, 1.35))
_QUANTILES = torch.special.ndtri((torch.arange(2001, dtype=torch.float64) + 0.5) / 2001)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitializedLayer:
    """What was done to a layer with weights.

    Attributes:
        gain: 1 / sqrt(E[φ²]) of the activation that feeds it, under N(0, 1); 1 where none does.
        factor: What the measurement then multiplied the weights by.
        second_moment: E[z²] of its outputs on the batch, afterwards.
        variance: Their variance over the batch, afterwards: 0 where every input gives the same.

    Example:
        >>> InitializedLayer(gain=1.0, factor=1.1, second_moment=1.0, variance=1.0).factor
        1.1
    """

    gain: float
    factor: float
    second_moment: float
    variance: float


def initialize(
    model: nn.Module, batch: Any, *, redraw: bool = True, generator: torch.Generator | None = None
) -> dict[str, InitializedLayer]:
    """Draw weights for the activations in place: pre-activations get second moment 1, layer by layer.

    Every linear and convolution layer that an activation follows, normalization and shape changes between,
    is drawn anew: weights from N(0, gain² (1 - s) / fan_in) with the gain of the activation that feeds it,
    biases from N(0, s). s is 0 where the variance map q -> gain² E[φ(sqrt(q) z)²] has at most slope 1 for q
    between 0.5 and 1.35, else what brings it down to 1. SiLU, GELU, Mish and hardswish multiply errors of the
    variance by 1.08 to 1.22 per layer, those of single inputs too: without biases some inputs have vanished
    beside others after 50 layers. Then, in the order in which layers run, the second moment of the outputs is
    measured on the batch, and weights and biases are divided by its root. Other layers, output heads among
    them, stay as they are.

    Args:
        model: Any module; learned mixtures count as the functions they are now. Changed in place.
        batch: Inputs, (inputs, ...) as a loader yields them, or a mapping by argument; 64 rows and more.
        redraw: False keeps the directions of the weights and the biases and measures again only: after an
            assignment changed.
        generator: Of the random numbers.

    Returns:
        By path of the layer with weights.

    Raises:
        ConfigurationError: A layer whose outputs are all 0, or not finite, on the batch; names it.
        UnsupportedInputError: A batch that the model does not take.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(30, 40), nn.SiLU(), nn.Linear(40, 50), nn.SiLU())
        >>> done = initialize(model, torch.randn(128, 30))
        >>> list(done), round(done["2"].gain, 3), round(done["2"].second_moment, 3)
        (['0', '2'], 1.677, 1.0)
    """
    with torch.no_grad(), evaluating(model):
        plans = _plans(model, batch)
        if redraw:
            for plan in plans.values():
                _draw(plan, generator)
        with _measuring(plans) as done:
            run(model, batch)
    return done


@dataclass(frozen=True, slots=True)
class _Plan:
    """A layer with weights, and what the activation that feeds it asks for."""

    layer: Weighted
    gain: float = 1.0
    bias_variance: float = 0.0


def _plans(model: nn.Module, batch: Any) -> dict[str, _Plan]:
    """Return the layers that an activation follows, each with the wishes of the activation that feeds it."""
    found: dict[str, _Plan] = {}
    waiting: list[tuple[str, _Plan]] = []
    feeding = [(1.0, 0.0)]

    def weighted(path: str, layer: Weighted) -> None:
        waiting[:] = [(path, _Plan(layer, *feeding[0]))]

    def see(seen: Seen) -> None:
        for path, plan in waiting:
            found.setdefault(path, plan)
        waiting.clear()
        feeding[0] = _wishes(seen)

    with _hooks(model, weighted), watching(model, see):
        run(model, _few(batch))
    return found


def _few(batch: Any) -> Any:
    """Return two rows: what follows what needs no more."""
    if isinstance(batch, Mapping):
        return {key: _few(value) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        return [_few(each) for each in batch]
    return batch[:2] if isinstance(batch, Tensor | np.ndarray) and batch.ndim > 1 else batch


def _wishes(seen: Seen) -> tuple[float, float]:
    """Return the gain, and the variance of biases with which the variance map is nowhere steeper than 1."""
    z = spread(_QUANTILES, seen.z, unit_dim(seen.z, seen.function), seen.units)
    moment = float(seen.function(z).double().square().mean())
    if not 0 < moment < math.inf:
        return 1.0, 0.0
    steepest = max(_map_slope(seen, z * root) / root**2 for root in _ROOTS) / moment
    return 1 / math.sqrt(moment), max(0.0, 1 - 1 / steepest) if steepest > 0 else 0.0


def _map_slope(seen: Seen, z: Tensor) -> float:
    """Return E[φ(z) φ'(z) z]: q times the derivative of E[φ(sqrt(q) ε)²] in q, where q = E[z²]."""
    return float((seen.function(z).double() * slopes(seen.function, z) * z).mean())


@contextmanager
def _hooks(model: nn.Module, see: Any) -> Iterator[None]:
    handles: list[RemovableHandle] = []
    for path, module in model.named_modules():
        if isinstance(module, _KINDS) and not parametrize.is_parametrized(module):
            handles.append(module.register_forward_pre_hook(lambda m, _, path=path: see(path, m)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _draw(plan: _Plan, generator: torch.Generator | None) -> None:
    layer, share = plan.layer, plan.bias_variance if plan.layer.bias is not None else 0.0
    deviation = plan.gain * math.sqrt((1 - share) / layer.weight[0].numel())
    nn.init.normal_(layer.weight, std=deviation, generator=generator)
    if layer.bias is not None:
        nn.init.normal_(layer.bias, std=math.sqrt(share), generator=generator)


@contextmanager
def _measuring(plans: dict[str, _Plan]) -> Iterator[dict[str, InitializedLayer]]:
    """Scale every layer when it first runs, and its output, so that later layers see what they will see."""
    done: dict[str, InitializedLayer] = {}
    handles = []

    def hook(path: str, gain: float) -> Any:
        def scale(layer: Any, _: Any, z: Tensor) -> Tensor | None:
            if path in done:
                return None
            moment = float(first_rows(z).double().square().mean())
            if not 0 < moment < math.inf:
                raise ConfigurationError(
                    f"The outputs of {path} have second moment {moment} on the batch. Give inputs that "
                    "are finite and not all 0; an activation before it may overflow or be flat there."
                )
            factor = 1 / math.sqrt(moment)
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    parameter.mul_(factor)
            scaled = z * factor
            done[path] = _described(gain, factor, scaled)
            return scaled

        return scale

    for path, plan in plans.items():
        handles.append(plan.layer.register_forward_hook(hook(path, plan.gain)))
    try:
        yield done
    finally:
        for handle in handles:
            handle.remove()


def _described(gain: float, factor: float, z: Tensor) -> InitializedLayer:
    rows = first_rows(z).double()
    return InitializedLayer(
        gain=gain,
        factor=factor,
        second_moment=float(rows.square().mean()),
        variance=float(rows.var(0, correction=0).mean()),
    )
