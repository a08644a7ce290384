"""Initial weights for the activations that are in place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from autoact.errors import ConfigurationError
from autoact.geometry.meters import first_rows
from autoact.geometry.watching import Seen, run, watching

Weighted = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_QUANTILES = torch.special.ndtri((torch.arange(2001, dtype=torch.float64) + 0.5) / 2001)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitializedLayer:
    """What was done to a layer with weights.

    Attributes:
        gain: 1 / sqrt(E[φ²]) of the activation that feeds it, under N(0, 1); 1 where none does.
        factor: What the measurement then multiplied the weights by.
        second_moment: E[z²] of its outputs on the batch, afterwards.
        variance: Their variance over the batch, afterwards: 0 where every input gives the same.
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
    gets weights from N(0, gain² / fan_in) and bias 0, with the gain of the activation that feeds it; then, in
    the order in which layers run, the second moment of its outputs is measured on the batch and the weights
    are divided by its root. A constant gain alone does not hold 50 layers: the variance map of SiLU, GELU or
    Mish multiplies errors by 1.08 to 1.22 per layer. Other layers, output heads among them, stay as they are.

    Args:
        model: Any module; learned mixtures count as the functions they are now. Changed in place.
        batch: Inputs, or (inputs, ...) as a loader yields them; 64 rows and more.
        redraw: False keeps the directions of the weights and the biases and measures again only: after an
            assignment changed.
        generator: Of the random numbers.

    Returns:
        By path of the layer with weights.

    Raises:
        ConfigurationError: A layer whose outputs are all 0, or not finite, on the batch; names it.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(30, 40), nn.SiLU(), nn.Linear(40, 50), nn.SiLU())
        >>> done = initialize(model, torch.randn(128, 30))
        >>> list(done), round(done["2"].gain, 3), round(done["2"].second_moment, 3)
        (['0', '2'], 1.677, 1.0)
    """
    was_training, buffers = model.training, {n: b.clone() for n, b in model.named_buffers()}
    model.eval()
    try:
        with torch.no_grad():
            gains = _gains(model, batch)
            if redraw:
                for layer, gain in gains.values():
                    _draw(layer, gain, generator)
            with _measuring(gains) as done:
                run(model, batch)
            for name, value in model.named_buffers():
                value.copy_(buffers.get(name, value))
    finally:
        model.train(was_training)
    return done


def _gains(model: nn.Module, batch: Any) -> dict[str, tuple[Weighted, float]]:
    """Return the layers that an activation follows, each with the gain of the activation that feeds it."""
    found: dict[str, tuple[Weighted, float]] = {}
    waiting: list[tuple[str, Weighted, float]] = []
    feeding = [1.0]

    def weighted(path: str, layer: Weighted) -> None:
        waiting[:] = [(path, layer, feeding[0])]

    def see(seen: Seen) -> None:
        for path, layer, gain in waiting:
            found.setdefault(path, (layer, gain))
        waiting.clear()
        feeding[0] = _gain(seen)

    with _hooks(model, weighted), watching(model, see):
        run(model, _few(batch))
    return found


def _few(batch: Any) -> Any:
    """Return two rows: what follows what needs no more."""
    if isinstance(batch, Tensor):
        return batch[:2]
    if isinstance(batch, Mapping):
        return {key: _few(value) for key, value in batch.items()}
    return [_few(batch[0])] if isinstance(batch, list | tuple) else batch


def _gain(seen: Seen) -> float:
    z = _QUANTILES.to(seen.z.device, seen.z.dtype).view(-1, *[1] * (seen.z.dim() - 1))
    y = seen.function(z.expand(-1, *seen.z.shape[1:2], *[1] * (seen.z.dim() - 2)) if seen.z.dim() > 1 else z)
    moment = float(y.double().square().mean())
    return 1 / math.sqrt(moment) if 0 < moment < math.inf else 1.0


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


def _draw(layer: Weighted, gain: float, generator: torch.Generator | None) -> None:
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in), generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


@contextmanager
def _measuring(gains: dict[str, tuple[Weighted, float]]) -> Iterator[dict[str, InitializedLayer]]:
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

    for path, (layer, gain) in gains.items():
        handles.append(layer.register_forward_hook(hook(path, gain)))
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
