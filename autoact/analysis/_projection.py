"""Distance between functions, and the candidate nearest to one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares

from autoact.activations import Activation, Parameter, get
from autoact.analysis._subject import Analyzable, Array, subject
from autoact.errors import ConfigurationError

Bounded = tuple[Activation, list[Parameter]]
TIE = 1e-6  # errors closer than this are equal: then fewer learnable parameters, then the earlier candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The candidate nearest to a function.

    Attributes:
        activation: Its name.
        parameters: Its refitted parameter values.
        error: Root mean square difference over the function's own standard deviation, >= 0.
        errors: The same for every candidate.

    Example:
        >>> from autoact.analysis import project
        >>> sorted(project("elu", ("elu", "tanh")).errors)
        ['elu', 'tanh']
    """

    activation: str
    parameters: dict[str, float]
    error: float
    errors: dict[str, float]


def normal_quantiles(count: int = 257) -> Array:
    """Return equally likely points of N(0, 1), shape (count,).

    Args:
        count: How many.

    Returns:
        Ascending.

    Example:
        >>> normal_quantiles(3).round(2).tolist()
        [-0.97, 0.0, 0.97]
    """
    return np.array([NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)])


def project(
    function: Callable[[torch.Tensor], torch.Tensor] | Analyzable,
    candidates: Sequence[str],
    nodes: torch.Tensor | Array | None = None,
    initial: Mapping[str, Mapping[str, float]] | None = None,
    bounds: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
) -> Projection:
    """Return the candidate nearest to a function, each one's own parameters refitted.

    Taking the largest weight of a mixture instead cannot identify the function: near-duplicates split it.

    Args:
        function: Maps a float64 tensor (M,) to (M,), or anything that can be analyzed.
        candidates: Registered names.
        nodes: Equally likely pre-activations (M,); quantiles of N(0, 1) by default.
        initial: Parameter values per candidate: where refitting starts, and what fixed ones keep.
        bounds: Narrower ranges (low, high) per candidate and parameter; a range of one point fixes it.

    Raises:
        ConfigurationError: No candidates.

    Example:
        >>> found = project({"relu": 0.8, "elu": 0.2}, ("relu", "elu", "tanh"))
        >>> found.activation, round(found.parameters["alpha"], 3), round(found.error, 6)
        ('elu', 0.2, 0.0)
    """
    if not candidates:
        raise ConfigurationError("No candidates to project on. Name at least one activation.")
    z = torch.as_tensor(normal_quantiles() if nodes is None else nodes, dtype=torch.float64).detach().cpu()
    target = _values(function, z)
    scale = float(np.sqrt(np.mean(np.square(target - target.mean())))) or 1.0
    fits = {
        name: _fit(_bounded(name, bounds), z, target, (initial or {}).get(name, {})) for name in candidates
    }
    errors = {name: rms / scale for name, (_, rms) in fits.items()}
    best = min(errors.values())
    tied = [name for name in candidates if errors[name] <= best + TIE]
    chosen = min(tied, key=lambda name: sum(p.learnable for p in get(name).parameters))
    return Projection(activation=chosen, parameters=fits[chosen][0], error=errors[chosen], errors=errors)


def distance(a: Analyzable, b: Analyzable, nodes: Array | None = None) -> float:
    """Return the root mean square difference of two functions, each brought to mean 0 and variance 1.

    Args:
        a: A name, an Activation, a mapping name -> weight, or an AutoActivation.
        b: The same.
        nodes: Equally likely pre-activations (M,); quantiles of N(0, 1) by default.

    Returns:
        Between 0 (equal up to shift and scale) and 2.

    Example:
        >>> distance("elu", "softplus") < distance("elu", "sin")
        True
    """
    z = normal_quantiles() if nodes is None else np.asarray(nodes, dtype=np.float64)
    first, second = (_standardized(subject(act)(z)) for act in (a, b))
    return float(np.sqrt(np.mean(np.square(first - second))))


def _standardized(y: Array) -> Array:
    return (y - y.mean()) / (y.std() or 1.0)


def _values(function: Any, z: torch.Tensor) -> Array:
    if not callable(function) or isinstance(function, Activation):
        return subject(function)(z.numpy())
    with torch.no_grad():
        result = function(z.clone())  # it may work in place
    return np.asarray(result.detach().cpu(), dtype=np.float64)


def _bounded(name: str, bounds: Mapping[str, Mapping[str, tuple[float, float]]] | None) -> Bounded:
    """Return an activation with its parameters, their bounds narrowed."""
    act, own = get(name), (bounds or {}).get(name, {})
    return act, [_narrowed(p, *own[p.name]) if p.name in own else p for p in act.parameters]


def _narrowed(parameter: Parameter, low: float, high: float) -> Parameter:
    default = min(max(parameter.default, low), high)
    learnable = parameter.learnable and low < high
    return replace(parameter, lower=low, upper=high, default=default, learnable=learnable)


def _fit(
    bounded: Bounded, z: torch.Tensor, target: Array, start: Mapping[str, float]
) -> tuple[dict[str, float], float]:
    """Return the best parameter values and the root mean square difference."""
    act, parameters = bounded
    values = {p.name: min(max(float(start.get(p.name, p.default)), p.lower), p.upper) for p in parameters}
    free = [p for p in parameters if p.learnable]

    def residual(theta: Array) -> Array:
        settings = {**values, **{p.name: float(v) for p, v in zip(free, theta, strict=True)}}
        return np.asarray(act(z, **settings), dtype=np.float64) - target

    if not free:
        return values, float(np.sqrt(np.mean(np.square(residual(np.empty(0))))))
    bounds = ([p.lower for p in free], [p.upper for p in free])
    starts = {tuple(values[p.name] for p in free), tuple(p.default for p in free)}
    fits = [
        least_squares(residual, _inside(s, free), bounds=bounds, x_scale="jac", method="trf") for s in starts
    ]
    best = min(fits, key=lambda fit: fit.cost)
    fitted = {p.name: float(v) for p, v in zip(free, best.x, strict=True)}
    return {**values, **fitted}, math.sqrt(2 * best.cost / len(target))


def _inside(values: Sequence[float], free: Sequence[Any]) -> Array:
    """Move a start off its bounds, where least squares would refuse it."""
    gaps = [min(1e-6, (p.upper - p.lower) / 4) for p in free]
    return np.array(
        [min(max(v, p.lower + g), p.upper - g) for v, p, g in zip(values, free, gaps, strict=True)]
    )
