"""Profile of a model: the record of each layer, the table of all, and what to warn of, with remedies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from autoact._card import aligned
from autoact.geometry.signals._meters import WINDOW, FlowMeter


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProfile:
    """One activation of a model over a window of batches.

    Attributes:
        path: Where it is.
        activation: What it is: a registered name, or "mixture".
        kappa: E[φ'²] / E[φ']² under the measured pre-activations: the relative gradient noise.
        own_kappa: The same under N(0, 1).
        chi: σ_w² E[φ'²] with the weights that feed it: what the layer does to squared gradients.
        own_chi: The same under N(0, 1).
        mean: E[z].
        std: Standard deviation of z.
        second_moment: E[z²].
        gradient: Root mean square of the gradient at z.
        dead: Share of units without gradient in all batches.
        saturated: Share of units that were met only where φ is nearly flat: below 5 % of its steepest slope.
        dead_units: Which units are dead, (units,) of bool.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from autoact.geometry import profile
        >>> layer = profile(nn.Sequential(nn.Linear(4, 8), nn.Tanh()), [torch.randn(16, 4)])["1"]
        >>> layer.activation, layer.dead, layer.dead_units.shape
        ('tanh', 0.0, torch.Size([8]))
    """

    path: str
    activation: str
    kappa: float
    own_kappa: float
    chi: float
    own_chi: float
    mean: float
    std: float
    second_moment: float
    gradient: float
    dead: float
    saturated: float
    dead_units: Tensor = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Mapping[str, LayerProfile]):
    """Layers by path in the order in which they run, and what is wrong with them.

    Attributes:
        layers: By path.
        warnings: Each names a layer, what was measured, what its function does under N(0, 1), and a remedy.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from autoact.geometry import profile
        >>> list(profile(nn.Sequential(nn.Linear(4, 8), nn.Tanh()), [torch.randn(16, 4)]))
        ['1']
    """

    layers: dict[str, LayerProfile]
    warnings: tuple[str, ...]

    def __getitem__(self, path: str) -> LayerProfile:
        return self.layers[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __str__(self) -> str:
        """Return a table, and the warnings."""
        head = ("layer", "activation", "κ (own)", "χ (own)", "E[z]", "std z", "gradient", "dead", "saturated")
        rows = [head, *(_row(layer) for layer in self.layers.values())]
        return "\n".join([*aligned(rows), *(f"warning: {text}" for text in self.warnings)])


def _row(layer: LayerProfile) -> tuple[str, ...]:
    return (
        layer.path,
        layer.activation,
        f"{layer.kappa:.3g} ({layer.own_kappa:.3g})",
        f"{layer.chi:.3g} ({layer.own_chi:.3g})",
        f"{layer.mean:.3g}",
        f"{layer.std:.3g}",
        f"{layer.gradient:.3g}",
        f"{layer.dead:.1%}",
        f"{layer.saturated:.1%}",
    )


def described(
    path: str,
    activation: str,
    meter: FlowMeter,
    slope: tuple[float, float],
    z: tuple[float, float],
    chi: float,
    gradient: float,
) -> LayerProfile:
    """Return a layer's profile from its meter and the means of slope (φ', φ'²) and pre-activation (z, z²)."""
    own = tuple(float(each) for each in meter.own or ())
    return LayerProfile(
        path=path,
        activation=activation,
        kappa=_ratio(*slope),
        own_kappa=_ratio(*own),
        chi=chi,
        own_chi=chi / slope[1] * own[1] if slope[1] > 0 else math.nan,
        mean=z[0],
        std=math.sqrt(max(0.0, z[1] - z[0] ** 2)),
        second_moment=z[1],
        gradient=gradient,
        dead=float(value_of(meter.dead)),
        saturated=float(value_of(meter.saturated)),
        dead_units=value_of(meter.dead_units).cpu(),
    )


def _ratio(slope: float, moment: float) -> float:
    return moment / slope**2 if slope * slope > 1e-12 * moment else math.inf


def value_of(tensor: Tensor | None) -> Tensor:
    """Return what a meter that has seen a batch is sure to have."""
    assert tensor is not None
    return tensor


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
    layers = []
    for path, meter in meters.items():
        if (seen := meter.last) is not None:
            slope = float(seen.slope), float(seen.slope_moment)
            z = float(seen.mean), float(seen.second_moment)
            gradient = math.nan if meter.gradient is None else float(meter.gradient)
            chi = float(value_of(meter.chi))
            layers.append(described(path, "mixture", meter, slope, z, chi, gradient))
    return warnings_of(tuple(layers), WINDOW)


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
