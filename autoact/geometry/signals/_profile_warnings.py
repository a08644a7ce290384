"""Warnings of a profile: the layer, the number, what the function itself does, and a remedy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from autoact.geometry.signals._layer_profile import LayerProfile, live_profile
from autoact.geometry.signals._meters import WINDOW, FlowMeter

_DEAD, _SATURATED = 0.1, 0.25
_NOISIER = 1.5  # times the function's own κ
_CHI = 2.0  # times the function's own χ, or a half
_FADED = 1e-3
_REDRAW = "geometry.initialize(model, batch) scales the weights for the activations in place"


def flow_warnings(meters: Mapping[str, FlowMeter]) -> tuple[str, ...]:
    """Return what a profile would warn of, from meters of searched layers by path as they are now.

    Args:
        meters: By layer path.

    Returns:
        One text per finding; none from meters that have seen nothing.

    Example:
        >>> flow_warnings({})
        ()
    """
    found = (live_profile(path, "mixture", meter) for path, meter in meters.items())
    return warnings_of(tuple(each for each in found if each is not None), WINDOW)


def warnings_of(layers: tuple[LayerProfile, ...], batches: int) -> tuple[str, ...]:
    """Return the warnings of all layers."""
    found = [text for layer in layers for text in _of_layer(layer, batches)]
    return (*found, *_of_depth(layers))


def _of_layer(layer: LayerProfile, batches: int) -> Iterator[str]:
    name = f"{layer.path} ({layer.activation})"
    if not math.isfinite(layer.second_moment):
        yield f"{name}: pre-activations are not finite. Lower the learning rate, or clip gradients."
        return
    if layer.dead > _DEAD:
        yield (
            f"{name}: {layer.dead:.0%} of the units got no gradient in {batches} batches. Use a function "
            f"with a slope below 0 (leaky_relu, prelu, elu), a lower learning rate, or {_REDRAW}."
        )
    if layer.saturated > _SATURATED:
        yield (
            f"{name}: {layer.saturated:.0%} of the units were met only where the function is nearly flat. "
            f"{_REDRAW}; normalize before it, or use a function that does not saturate (elu, silu)."
        )
    if math.isfinite(layer.own_kappa) and layer.kappa > _NOISIER * layer.own_kappa:
        yield (
            f"{name}: gradient noise κ is {layer.kappa:.3g}, its own under N(0, 1) {layer.own_kappa:.3g}, "
            f"for z has mean {layer.mean:.2g} and deviation {layer.std:.2g}. "
            f"Normalize before it, or {_REDRAW}."
        )
    if layer.own_chi > 0 and not 1 / _CHI <= layer.chi / layer.own_chi <= _CHI:
        yield (
            f"{name}: χ is {layer.chi:.3g}, under N(0, 1) it would be {layer.own_chi:.3g}: squared gradients "
            f"{'shrink' if layer.chi < layer.own_chi else 'grow'} by that much more per layer, for z has "
            f"mean {layer.mean:.2g} and deviation {layer.std:.2g}. Normalize before it, or {_REDRAW}."
        )


def _of_depth(layers: tuple[LayerProfile, ...]) -> Iterator[str]:
    known = [layer for layer in layers if math.isfinite(layer.gradient) and layer.gradient > 0]
    if len(known) < 2:
        return
    first, last = known[0], known[-1]
    ratio = first.gradient / last.gradient
    if not _FADED <= ratio <= 1 / _FADED:
        word = "vanish" if ratio < 1 else "explode"
        yield (
            f"gradients {word}: at {first.path} they are {ratio:.2g} times those at {last.path}. {_REDRAW}; "
            "or add residual connections or normalization."
        )
