"""Kept originals: activations of layers that learned nothing clearly different."""

import torch

from autoact import conversion
from autoact.kernels import mixture
from autoact.nn import AutoActivation, module_for
from autoact.spaces import Assignment, Choice

CLEAR = 0.4  # deviations, further than SiLU is from ReLU: docs/benchmarks/priors.md


def with_originals(model: torch.nn.Module, derived: Assignment) -> Assignment:
    """Return an assignment with the activation that a layer had, wherever what it learned is near to that.

    Args:
        model: A converted model.
        derived: What `derive` returned for it.
    """
    kept = dict(derived.items())
    by_path = dict(model.named_modules(remove_duplicate=False))
    known = (conversion.recipe(model) or {"layers": {}})["layers"]
    for path in kept:
        entry = known.get(path)
        layer = by_path[entry["paths"][0] if entry else path]
        if not isinstance(layer, AutoActivation):
            continue
        original = Choice.from_dict(entry["original"]) if entry else _start(layer)
        if original is not None and departure(layer, original) <= CLEAR:
            kept[path] = original
    return Assignment(kept, name=derived.name)


def _start(layer: AutoActivation) -> Choice | None:
    if layer.start == "uniform":
        return None
    return Choice(layer.start, layer.settings.get(layer.start, {}))


@torch.no_grad()
def departure(layer: AutoActivation, original: Choice) -> float:
    """Return how far a layer's function is from an activation on the inputs it saw.

    Args:
        layer: Any layer.
        original: An activation.

    Returns:
        Root mean square difference in standard deviations of the layer's function, >= 0.
    """
    x = layer.quantiles.float()[:, None].expand(-1, layer.channels or 1)
    learned = mixture(x, layer.weights(), layer.candidates, layer.natural_values())
    return float((learned - module_for(original).to(x.device)(x)).square().mean().sqrt() / learned.std())
