"""Units: how much of a line's residual one of each activation explains, on rows it was not fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.optimize import least_squares

from autoact.activations import Parameter, get
from autoact.advice.evidence._rows import Array

_BINS = 128
_SCALES = (0.3, 1.0, 2.5, 6.0)
_SHIFTS = (-2.0, -0.7, 0.0, 0.7, 2.0)
_LARGEST = 1e3  # scale and shift of a unit's input
_HUGE = 1e30  # values of a unit, whose squares must stay finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit c0 + c1·φ(s·t + b) fitted to a target along an index.

    Attributes:
        name: φ.
        parameters: φ's own values.
        explained: Share of the line's squared error that goes away; negative if the unit is worse.
        worse_than_best: Whether its error is larger than the best unit's beyond chance.
    """

    name: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    explained: float
    worse_than_best: bool = False


def fit_units(
    names: Sequence[str],
    t: Array,
    y: Array,
    line: Array,
    fixed: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Unit]:
    """Fit a unit of each activation on even rows and measure it on odd ones; the best comes first.

    Args:
        names: Activations.
        t: Index (N,), standardized.
        y: Target (N,).
        line: What the line predicts, (N,); it was fitted on even rows.
        fixed: Parameters that keep a value, by activation.
    """
    bins = _binned(t[::2], y[::2])
    spent = np.mean((line[1::2] - y[1::2]) ** 2) or 1.0
    errors, parameters = {}, {}
    for name in names:
        predicted, parameters[name] = _fit(name, bins, t[1::2], (fixed or {}).get(name, {}))
        errors[name] = (predicted - y[1::2]) ** 2
    order = sorted(names, key=lambda name: float(errors[name].mean()))
    best = errors[order[0]] if order else np.empty(0)
    return [
        Unit(
            name=name,
            parameters=parameters[name],
            explained=float(1 - errors[name].mean() / spent),
            worse_than_best=_larger(errors[name], best),
        )
        for name in order
    ]


def _larger(errors: Array, best: Array) -> bool:
    difference = errors - best
    chance = 2 * difference.std() / np.sqrt(len(difference))
    return bool(difference.mean() > chance + 0.01 * best.mean())


def _binned(t: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return means of t and y, and the square root of the count, in bins of equally many rows."""
    order = np.argsort(t, kind="stable")
    parts = np.array_split(order, min(_BINS, max(8, len(t) // 4)))
    means = [[values[part].mean() for part in parts] for values in (t, y)]
    return np.array(means[0]), np.array(means[1]), np.sqrt([len(part) for part in parts])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """c0 + c1·φ(s·t + b) along an index; θ = (s, b, φ's own parameters), c0 and c1 follow from it."""

    name: str
    free: tuple[Parameter, ...]
    fixed: Mapping[str, float]
    t: Array
    y: Array
    weight: Array

    def own(self, theta: Array) -> dict[str, float]:
        """Return φ's parameters."""
        learned = {p.name: float(v) for p, v in zip(self.free, theta[2:], strict=True)}
        return {**self.fixed, **learned}

    def unit(self, theta: Array, t: Array) -> Array:
        """Return φ alone."""
        x = torch.from_numpy(theta[0] * t + theta[1])
        return np.clip(np.nan_to_num(get(self.name)(x, **self.own(theta)).numpy()), -_HUGE, _HUGE)

    def at(self, theta: Array, t: Array) -> Array:
        """Return the curve."""
        c0, c1 = _line(self.unit(theta, self.t), self.y, self.weight)
        return c0 + c1 * self.unit(theta, t)

    def residual(self, theta: Array) -> Array:
        """Return weighted differences from the target."""
        unit = self.unit(theta, self.t)
        c0, c1 = _line(unit, self.y, self.weight)
        return self.weight * (c0 + c1 * unit - self.y)

    def starts(self) -> list[Array]:
        """Return the best start for each side that the bend may be on."""
        own = [p.default for p in self.free]
        tried = [np.array([s, b, *own]) for s in _signed(_SCALES) for b in _SHIFTS]
        tried.sort(key=lambda theta: float(np.sum(self.residual(theta) ** 2)), reverse=True)
        return list({float(np.sign(theta[1])): theta for theta in tried}.values())

    def best(self) -> Array:
        """Return θ of the least squared error."""
        low, high = np.array([(-_LARGEST, _LARGEST)] * 2 + [_range(p) for p in self.free]).T
        fits = [
            least_squares(
                self.residual, _inside(start, self.free), bounds=(low, high), x_scale="jac", max_nfev=20
            )
            for start in self.starts()
        ]
        return np.asarray(min(fits, key=lambda fit: float(fit.cost)).x, dtype=np.float64)


def _fit(
    name: str, bins: tuple[Array, Array, Array], at: Array, fixed: Mapping[str, float]
) -> tuple[Array, dict[str, float]]:
    """Return predictions at other indices, and the activation's own parameters."""
    free = tuple(p for p in get(name).parameters if p.learnable and p.name not in fixed)
    t, y, weight = bins
    curve = _Curve(name=name, free=free, fixed=fixed, t=t, y=y, weight=weight)
    theta = curve.best()
    return curve.at(theta, at), curve.own(theta)


def _line(unit: Array, y: Array, weight: Array) -> tuple[float, float]:
    """Return c0 and c1 of the weighted least-squares line from the unit to y."""
    share = weight**2 / np.sum(weight**2)
    center, middle = share @ unit, share @ y
    around = unit - center
    spread = share @ around**2
    slope = float(share @ (around * (y - middle)) / spread) if spread > 0 else 0.0
    return float(middle - slope * center), slope


def _signed(scales: Sequence[float]) -> list[float]:
    return [sign * scale for scale in scales for sign in (1.0, -1.0)]


def _range(parameter: Parameter) -> tuple[float, float]:
    """Return where a parameter may go; where that is anywhere, the range that a search would try."""
    low, high = parameter.lower, parameter.upper
    if parameter.search and np.isinf(low):
        return min(parameter.search[0], parameter.default), max(parameter.search[1], parameter.default)
    return low, high


def _inside(theta: Array, free: Sequence[Parameter]) -> Array:
    ends = [_range(p) for p in free]
    gaps = [min(1e-6, (high - low) / 4) for low, high in ends]
    own = [
        min(max(v, low + gap), high - gap) for v, (low, high), gap in zip(theta[2:], ends, gaps, strict=True)
    ]
    return np.array([*theta[:2], *own])
