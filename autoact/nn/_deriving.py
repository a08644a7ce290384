"""Derivation of the one activation that is nearest to a learned mixture."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from autoact import analysis
from autoact.activations import Value
from autoact.analysis import Projection
from autoact.kernels import mixture, parameter_slots
from autoact.spaces import Bounds, Range

Function = Callable[[Tensor], Tensor]


def project_mixture(
    candidates: tuple[str, ...],
    weights: Tensor,
    values: Tensor,
    nodes: Tensor,
    bounds: Bounds | None = None,
) -> tuple[Projection, dict[str, Value]]:
    """Return the nearest candidate of a mixture, and its parameters: one value, or one per channel.

    With channels, the candidate whose root mean square error over all channels is least is taken, and each
    channel refits its own parameters.

    Args:
        candidates: K names.
        weights: (K,) or (C, K).
        values: Parameter values in natural units and slot order, (P,) or (C, P).
        nodes: Equally likely pre-activations, (M,).
        bounds: Narrower ranges of parameters.

    Returns:
        The projection (averaged over channels) and the parameters.
    """
    channels = list(zip(*_by_channel(weights, values), strict=True))
    ranges = (bounds or Bounds()).of_candidates(candidates)
    found = [_one(candidates, w, v, nodes, candidates, ranges) for w, v in channels]
    if len(found) == 1:
        return found[0], dict(found[0].parameters)
    errors = {name: _rms([projection.errors[name] for projection in found]) for name in candidates}
    chosen = min(_near(errors), key=_learnable)
    fits = [
        own.parameters
        if own.activation == chosen
        else _one(candidates, w, v, nodes, (chosen,), ranges).parameters
        for own, (w, v) in zip(found, channels, strict=True)
    ]
    parameters = {key: tuple(fit[key] for fit in fits) for key in fits[0]}
    means = {key: sum(column) / len(column) for key, column in parameters.items()}
    average = Projection(activation=chosen, parameters=means, error=errors[chosen], errors=errors)
    return average, dict(parameters)


def _near(errors: Mapping[str, float]) -> list[str]:
    best = min(errors.values())
    return [name for name, error in errors.items() if error <= best + analysis.TIE]


def _learnable(name: str) -> int:
    return sum(parameter.learnable for _, parameter in parameter_slots((name,)))


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def _by_channel(weights: Tensor, values: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return (K,) weights and (P,) values of each channel; one of each if nothing is per channel."""
    channels = max(t.shape[0] if t.dim() == 2 else 1 for t in (weights, values))
    rows = [t.detach().double().cpu().expand(channels, t.shape[-1]) for t in (weights, values)]
    return list(rows[0]), list(rows[1])


def _one(
    candidates: tuple[str, ...],
    weights: Tensor,
    values: Tensor,
    nodes: Tensor,
    among: tuple[str, ...],
    ranges: Mapping[str, Mapping[str, Range]],
) -> Projection:
    """Return the projection of one function on the candidates in `among`."""
    initial: dict[str, dict[str, float]] = {name: {} for name in candidates}
    for (name, parameter), value in zip(parameter_slots(candidates), values.tolist(), strict=True):
        initial[name][parameter.name] = value
    function = partial(_mixture, weights, candidates, values)
    return analysis.project(function, among, nodes=nodes.double().cpu(), initial=initial, bounds=ranges)


def _mixture(weights: Tensor, candidates: tuple[str, ...], values: Tensor, z: Tensor) -> Tensor:
    with torch.no_grad():
        return mixture(z, weights, candidates, values)
