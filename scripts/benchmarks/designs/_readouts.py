"""Read-outs of a trained mixture: scores of every candidate in every layer, higher is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import nn

from autoact import AutoActivation, analysis
from scripts.benchmarks.designs._mixtures import moments, searched
from scripts.benchmarks.tables import Array


def by_weight(model: nn.Module) -> Array:
    """Score candidates by their logits, (L, K)."""
    return np.stack([layer.logits.detach().numpy().astype(np.float64) for layer in searched(model)])


def by_projection(model: nn.Module) -> Array:
    """Score candidates by how little they differ from the learned function, (L, K): what `derive` does."""
    layers = [layer for layer in searched(model) if isinstance(layer, AutoActivation)]
    return np.array([[-layer.projection().errors[name] for name in layer.candidates] for layer in layers])


def by_distance(model: nn.Module) -> Array:
    """The same up to shift and scale, which the next layer could take over."""
    layers = [layer for layer in searched(model) if isinstance(layer, AutoActivation)]
    quantiles = [layer.quantiles.double().numpy() for layer in layers]
    return np.array(
        [
            [-analysis.distance(layer, name, nodes) for name in layer.candidates]
            for layer, nodes in zip(layers, quantiles, strict=True)
        ]
    )


def by_contribution(model: nn.Module) -> Array:
    """Score candidates by logits plus the log of their s.d. under N(0, 1): by what they add to the output."""
    spreads = [[moments(name)[1] for name in layer.candidates] for layer in searched(model)]
    return by_weight(model) + np.log(spreads)


READOUTS: Mapping[str, Callable[[nn.Module], Array]] = {
    "weights": by_weight,
    "projection": by_projection,
    "distance": by_distance,
    "contribution": by_contribution,
}
