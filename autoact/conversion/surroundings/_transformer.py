"""Transformer layers of torch: a flag selects a fused kernel that only knows ReLU and GELU.

Converting such a layer turns the flag off, and the encoder's nested tensors with it (they exist for that
kernel only); putting ReLU or GELU back turns both on again.
"""

from collections.abc import Iterable

import torch.nn.functional as F
from torch import nn

_FLAG = "activation_relu_or_gelu"
_NESTED = "_autoact_use_nested_tensor"


def settle(model: nn.Module, paths: Iterable[str]) -> None:
    """Bring the flags of transformer layers in line with the activations that were put at these paths."""
    touched = [model.get_submodule(path.rpartition(".")[0]) for path in paths if _is_activation(path)]
    layers = [layer for layer in touched if hasattr(layer, _FLAG)]
    for layer in layers:
        setattr(layer, _FLAG, _fused_kind(layer.activation))
    for encoder in model.modules():
        if isinstance(encoder, nn.TransformerEncoder) and any(m in layers for m in encoder.layers):
            _settle_nested(encoder)


def _is_activation(path: str) -> bool:
    return path.rpartition(".")[2] == "activation"


def _fused_kind(activation: object) -> int:
    """Return 1 for ReLU, 2 for exact GELU, 0 for what the fused kernel cannot compute."""
    if activation is F.relu or type(activation) is nn.ReLU:
        return 1
    exact = isinstance(activation, nn.GELU) and activation.approximate == "none"
    return 2 if activation is F.gelu or exact else 0


def _settle_nested(encoder: nn.TransformerEncoder) -> None:
    fused = all(getattr(layer, _FLAG, 0) for layer in encoder.layers)
    if not fused and encoder.use_nested_tensor:
        encoder.use_nested_tensor = False
        setattr(encoder, _NESTED, True)
    elif fused and getattr(encoder, _NESTED, False):
        encoder.use_nested_tensor = True
        delattr(encoder, _NESTED)
