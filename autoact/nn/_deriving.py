"""Derivation of the one activation that is nearest to a learned mixture, and what to doubt of it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from autoact import analysis
from autoact._cache import remembered
from autoact.activations import Value
from autoact.analysis import Projection
from autoact.errors import first_few
from autoact.kernels import mixture, parameter_slots
from autoact.spaces import Bounds

if TYPE_CHECKING:
    from autoact.nn._auto import AutoActivation

Function = Callable[[Tensor], Tensor]
Numbers = tuple[float, ...]
POOR = 0.1  # of the function's own deviation: 1 % of its variance is lost; ELU against ReLU is 0.4
_SHOWN = 5
_TRAINED = 4  # observations: eight training forwards, more than somebody's probe


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
    ranges = bounds or Bounds()
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
    bounds: Bounds,
) -> Projection:
    """Return the projection of one function on the candidates in `among`."""
    numbers = weights, values, nodes.double().cpu()
    return _fitted(candidates, *(tuple(t.tolist()) for t in numbers), among, bounds)


@remembered(maxsize=64)  # the end of a training asks five times
def _fitted(
    candidates: tuple[str, ...],
    weights: Numbers,
    values: Numbers,
    nodes: Numbers,
    among: tuple[str, ...],
    bounds: Bounds,
) -> Projection:
    initial: dict[str, dict[str, float]] = {name: {} for name in candidates}
    for (name, parameter), value in zip(parameter_slots(candidates), values, strict=True):
        initial[name][parameter.name] = value
    double = partial(torch.tensor, dtype=torch.float64)
    function = partial(_mixture, double(weights), candidates, double(values))
    ranges = bounds.of_candidates(candidates)
    return analysis.project(function, among, nodes=double(nodes), initial=initial, bounds=ranges)


def _mixture(weights: Tensor, candidates: tuple[str, ...], values: Tensor, z: Tensor) -> Tensor:
    with torch.no_grad():
        return mixture(z, weights, candidates, values)


class DoubtfulChoiceWarning(UserWarning):
    """The choice of a layer means little; the message says why and what to do.

    Example:
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", DoubtfulChoiceWarning)  # refuse such choices
    """


def warn_of(layers: Mapping[str, AutoActivation]) -> None:
    """Warn in one line for each kind of doubt about the choices of layers, with what to do.

    A layer as new has none: its choice is its start.

    Args:
        layers: By path.

    Example:
        >>> from autoact import AutoActivation
        >>> warn_of({"net.1": AutoActivation(["relu", "tanh"], start="tanh")})
    """
    found: dict[str, list[str]] = {}
    for path, layer in layers.items():
        for text in _of(layer):
            found.setdefault(text, []).append(path)
    for text, paths in found.items():
        warnings.warn(f"{first_few(paths, _SHOWN)}: {text}", DoubtfulChoiceWarning, stacklevel=3)


def _of(layer: AutoActivation) -> Iterator[str]:
    if len(layer.candidates) == 1:
        return
    moved = bool((layer.logits != layer.anchor).any())
    started, observed = float(layer.release) == 0, int(layer.observed)
    if started and observed >= _TRAINED and not moved:
        yield (
            "ran in training, but its logits never moved, so the choice is the start. Make the optimizer "
            "after convert(model), with model.parameters() or autoact.training.param_groups(model)."
        )
    if started and moved:
        yield (
            "`release` is 0, so the layer computed its start while its logits learned, and the choice is the "
            "start. Train on in training mode (model.train()) with release_steps set, or raise `release`."
        )
    if not observed and (moved or not started):
        yield (
            "no inputs were observed, so the choice assumes N(0, 1). Run some batches through the model in "
            "training mode, or call layer.observe(x) on its inputs."
        )
    if (moved or observed) and not started and layer.projection().error > POOR:
        yield (
            f"no candidate comes nearer to the learned mixture than {POOR:.0%} of its deviation, so the loss "
            "will jump. Train on after finalize(model), and compare with the original: autoact.run_search."
        )
