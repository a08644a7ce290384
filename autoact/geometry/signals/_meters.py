"""Meters of gradient flow through an activation: κ, χ, dead and saturated units under measured inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from autoact.nn import AutoActivation, FixedActivation

Function = Callable[[Tensor], Tensor]
SAMPLE = 65_536  # pre-activations per look: 1-2 ms on one core for eight candidates
DEAD = 1e-6  # a slope that float32 gradients cannot be told from zero
SATURATED = 0.05  # of the function's steepest slope around 0
WINDOW = 10  # looks after which a unit may revive
_AROUND_ZERO = torch.linspace(-4.0, 4.0, 33)
_WEIGHT_INPUT = {"AddmmBackward0": 2, "MmBackward0": 1, "ConvolutionBackward0": 1}


class Look(NamedTuple):
    """What one batch says of one activation.

    Attributes:
        slope: E[φ'].
        slope_moment: E[φ'²].
        steepest: Largest |φ'| of every unit, (units,).
        mean: E[z].
        second_moment: E[z²].
    """

    slope: Tensor
    slope_moment: Tensor
    steepest: Tensor
    mean: Tensor
    second_moment: Tensor


def look(function: Function, x: Tensor) -> Look:
    """Measure slopes where a batch falls; of large batches the first rows."""
    z = first_rows(x.detach())
    slope = slopes(function, z)
    steepest = _by_unit(slope.abs(), unit_dim(slope, function)).amax(1)
    wide = z.float()
    return Look(slope.mean(), slope.square().mean(), steepest, wide.mean(), wide.square().mean())


class FlowMeter:
    """Watch one layer over a window of batches.

    Args:
        window: Looks after which a unit may revive; None: never.

    Attributes:
        last: What the last batch said; `mean`, `second_moment`, `kappa` and `chi` are of it.
        own: E[φ'] and E[φ'²] under N(0, 1), as the function was when the window began; `own_kappa` is of it.

    Example:
        >>> import torch
        >>> meter = FlowMeter()
        >>> meter.see(torch.relu, torch.randn(8, 3)) is meter.last
        True
    """

    def __init__(self, window: int | None = WINDOW) -> None:
        self._window, self._looks = window, 0
        self.steepest: Tensor | None = None
        self.reference: Tensor | None = None
        self.mean: Tensor | None = None
        self.second_moment: Tensor | None = None
        self.kappa: Tensor | None = None
        self.own_kappa: Tensor | None = None
        self.chi: Tensor | None = None
        self.gradient: Tensor | None = None
        self.own: tuple[Tensor, Tensor] | None = None
        self.last: Look | None = None

    def see(self, function: Function, x: Tensor) -> Look | None:
        """Measure the slope of a layer's present function where this batch falls; an empty one says none."""
        if not x.numel():
            return None
        self.last = seen = look(function, x)
        self.mean, self.second_moment = seen.mean, seen.second_moment
        self.kappa = seen.slope_moment / seen.slope.square()
        self.chi = seen.slope_moment * weight_scale(x)
        if x.requires_grad:
            x.register_hook(self._take)
        fresh = self._window is not None and self._looks % self._window == 0
        if fresh or self.steepest is None or self.steepest.shape != seen.steepest.shape:
            self.steepest = seen.steepest
            self.reference = steepest_around_zero(function, x)
            self.own = slope, moment = own_moments(function, x)
            self.own_kappa = moment / slope.square()
        else:
            self.steepest = torch.maximum(self.steepest, seen.steepest)
        self._looks += 1
        return seen

    def _take(self, gradient: Tensor) -> None:
        """Keep the root mean square of the gradient that came back to the pre-activations."""
        self.gradient = gradient.detach().float().square().mean().sqrt()

    @property
    def dead_units(self) -> Tensor | None:
        """Which units had no gradient in the present window, (units,) of bool."""
        return None if self.steepest is None else self.steepest <= DEAD

    @property
    def dead(self) -> Tensor | None:
        """The share of them."""
        units = self.dead_units
        return None if units is None else units.float().mean()

    @property
    def saturated(self) -> Tensor | None:
        """The share of units that were only met where the function is nearly flat, dead ones aside."""
        if self.steepest is None or self.reference is None:
            return None
        flat = self.steepest <= SATURATED * self.reference
        return (flat & (self.steepest > DEAD)).float().mean()


def slopes(function: Function, x: Tensor) -> Tensor:
    """Return the derivative of an elementwise function at x."""
    call = getattr(function, "forward", function)  # past the hooks of a module
    with torch.enable_grad(), _standing_still(function):
        z = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(call(z.clone()).sum(), z)  # what works in place refuses leaves
    return slope.float()


@contextmanager
def _standing_still(function: Function) -> Iterator[None]:
    """Keep a layer from taking a measurement for a step of its training."""
    if not isinstance(function, AutoActivation):
        yield
        return
    before, function.managed = function.managed, True
    try:
        yield
    finally:
        function.managed = before


def steepest_around_zero(function: Function, x: Tensor) -> Tensor:
    """Return the largest |φ'| on [-4, 4], for every unit."""
    unit = unit_dim(x, function)
    slope = slopes(function, spread(_AROUND_ZERO, x, unit)).abs()
    return _by_unit(slope, unit).amax(1) if x.dim() > 1 else slope.max()


def own_moments(function: Function, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return E[φ'] and E[φ'²] under N(0, 1) of a function of tensors like x, over all units."""
    unit = unit_dim(x, function)
    units = x.shape[unit] if x.dim() > 1 else 1
    count = min(max(SAMPLE // units, 65), 2001)
    levels = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    slope = slopes(function, spread(torch.special.ndtri(levels), x, unit))
    return slope.mean(), slope.square().mean()


def spread(values: Tensor, x: Tensor, unit: int, units: int | None = None) -> Tensor:
    """Return values (V,) as rows of one value each, in the shape of x but for time and place.

    Args:
        values: (V,).
        x: What a function takes.
        unit: Dimension of units.
        units: How many to make; None: as many as x has.
    """
    narrow = [(units or size) if i == unit else 1 for i, size in enumerate(x.shape) if i]
    return values.to(x.device, x.dtype).view(-1, *[1] * len(narrow)).expand(-1, *narrow)


def _by_unit(values: Tensor, unit: int) -> Tensor:
    """Return (units, ...)."""
    return values.movedim(unit, 0).reshape(values.shape[unit], -1)


def weight_scale(x: Tensor) -> Tensor | float:
    """Return σ_w² = fan_in * mean(w²) of the linear or convolution layer that made x; 1.0 for other makers.

    >>> import torch
    >>> layer = torch.nn.Linear(4, 8, bias=False)
    >>> _ = torch.nn.init.constant_(layer.weight, 0.5)
    >>> float(weight_scale(layer(torch.ones(2, 4))))
    1.0
    """
    weight = _feeding_weight(x)
    if weight is None:
        return 1.0
    return weight.detach().float().square().mean() * (weight.numel() // weight.shape[0])


def _feeding_weight(x: Tensor) -> Tensor | None:
    node: Any = x.grad_fn
    for _ in range(3):  # a linear layer on (batch, time, features) is a matrix product between two views
        if node is None or node.name() in _WEIGHT_INPUT or len(node.next_functions) != 1:
            break
        node = node.next_functions[0][0]
    if node is None or node.name() not in _WEIGHT_INPUT:
        return None
    source: Any = node.next_functions[_WEIGHT_INPUT[node.name()]][0]
    if source is not None and source.name() in ("TBackward0", "ToCopyBackward0"):
        source = source.next_functions[0][0]
    variable = getattr(source, "variable", None)
    return variable if isinstance(variable, Tensor) else None


def unit_dim(x: Tensor, function: object) -> int:
    """Return the dimension of units: where a function has values per channel, theirs.

    Else channels of images, features of vectors and of sequences.
    """
    own = _channel_dim(getattr(function, "module", function))
    if own is not None and x.ndim > 1:
        return own % x.ndim
    return 1 if x.ndim in (4, 5) else x.ndim - 1


def _channel_dim(module: object) -> int | None:
    match module:
        case AutoActivation(channels=channels) if channels is not None:
            return module.channel_dim
        case FixedActivation() if module.settings.channels is not None:
            return module.channel_dim
        case nn.PReLU() if module.num_parameters > 1:
            return 1
    return None


def first_rows(x: Tensor) -> Tensor:
    """Return as many rows as one look takes."""
    rows = max(1, SAMPLE * x.shape[0] // x.numel()) if x.ndim > 1 else SAMPLE
    return x[:rows]
