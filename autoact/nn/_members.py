"""Candidates of one layer: their names, bounds and start, and which of them lead."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autoact import analysis
from autoact.activations import DEFAULT_CANDIDATES, PLAIN, get
from autoact.errors import AutoActError, ConfigurationError, UnknownActivationError, did_you_mean
from autoact.nn._initial_values import Settings
from autoact.spaces import Bounds, SearchSpace, check_candidates

UNIFORM = "uniform"


def candidate_names(candidates: str | Sequence[Any]) -> tuple[str, ...]:
    """Return registered names from a list of activations, from "default", or from a search space's name.

    Raises:
        ConfigurationError: The name of an activation, without a list.
    """
    if not isinstance(candidates, str):
        names = check_candidates(candidates)
        if PLAIN in names:
            raise ConfigurationError(
                f"No mixture has {PLAIN!r} among its candidates: it is a form of gated blocks, with weights "
                "of other shapes. A search tries it where a rule of its space names it, and "
                "autoact.apply(model, {path: 'plain'}) makes a block plain."
            )
        return names
    if candidates == "default":
        return DEFAULT_CANDIDATES
    try:
        return SearchSpace.load(candidates).candidates
    except AutoActError:
        if name := _registered(candidates):
            raise ConfigurationError(
                f"candidates is {candidates!r}, which is an activation and no search space; give a list: "
                f"[{name!r}]."
            ) from None
        raise


def _registered(name: Any) -> str | None:
    try:
        return get(name).name
    except UnknownActivationError:
        return None


def candidate_bounds(
    candidates: str | Sequence[Any], bounds: Bounds | Mapping[str, Mapping[str, Any]] | None
) -> Bounds:
    """Return the bounds given, else those of the search space that the candidates name."""
    if bounds is None and isinstance(candidates, str) and candidates != "default":
        return SearchSpace.load(candidates).bounds
    return Bounds.of(bounds)


def start_vector(candidates: tuple[str, ...], start: str) -> Tensor:
    """Return (K,): zeros for a uniform start, else 1 at the start candidate.

    Raises:
        ConfigurationError: Not a candidate.
    """
    allowed = (UNIFORM, *candidates)
    if start not in allowed:
        raise ConfigurationError(
            f"start is one of {', '.join(allowed)}; got {start!r}.{did_you_mean(start, allowed)}"
        )
    return torch.tensor([float(name == start) for name in candidates])


def gradient_scale(candidates: tuple[str, ...], settings: Settings) -> Tensor:
    """Return (K,): one over each candidate's deviation under N(0, 1); 1 where it is 0 or infinite."""
    return torch.tensor([_inverse_deviation(name, settings) for name in candidates])


def _inverse_deviation(name: str, settings: Settings) -> float:
    values: dict[str, Any] = {
        key: sum(v) / len(v) if isinstance(v, tuple) else v for key, v in settings.get(name, {}).items()
    }
    variance = analysis.variance(name, **values)
    return variance**-0.5 if math.isfinite(variance) and variance > 1e-12 else 1.0


def leading(candidates: tuple[str, ...], weights: Tensor) -> str:
    """Return the three largest weights in words, averaged over channels.

    Example:
        >>> leading(("relu", "tanh"), torch.tensor([0.2, 0.8]))
        'tanh 0.80, relu 0.20'
    """
    means = weights.detach().reshape(-1, len(candidates)).mean(0).tolist()
    best = sorted(zip(means, candidates, strict=True), key=lambda pair: -pair[0])[:3]
    return ", ".join(f"{name} {weight:.2f}" for weight, name in best)
