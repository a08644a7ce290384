"""What an AutoActivation works out from its list of candidates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autoact import analysis
from autoact.activations import DEFAULT_CANDIDATES
from autoact.errors import ConfigurationError, did_you_mean
from autoact.nn.settings import Settings
from autoact.spaces import Bounds, SearchSpace, check_candidates

UNIFORM = "uniform"


def candidate_names(candidates: str | Sequence[str]) -> tuple[str, ...]:
    """Return registered names from a list of them, from "default", or from a search space's name."""
    if candidates == "default":
        return DEFAULT_CANDIDATES
    if isinstance(candidates, str):
        return SearchSpace.load(candidates).candidates
    return check_candidates(candidates)


def candidate_bounds(
    candidates: str | Sequence[str], bounds: Bounds | Mapping[str, Mapping[str, Any]] | None
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
