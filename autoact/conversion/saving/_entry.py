"""Entry of a state_dict that names activations: plain data as a tensor of characters."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from autoact.errors import ConversionError
from autoact.nn import module_for
from autoact.spaces import Choice

KEY = "_autoact_activations"
VERSION = 1
Layers = Mapping[str, Mapping[str, Any]]


def encoded(layers: Layers) -> Tensor:
    """Return the activations of layers as a float32 tensor of ASCII codes.

    Safetensors and `weights_only` know tensors only. Codes are floating numbers so that averaging,
    `lerp_`, `mul_` by a decay, and a cast to half or bfloat16 (exact to 256) leave them readable.

    Args:
        layers: By path: its `paths`, `choice` and `channel_dim`.

    Example:
        >>> encoded({})[:4]
        tensor([123.,  34., 118., 101.])
    """
    text = json.dumps({"version": VERSION, "layers": layers}, separators=(",", ":"))
    return torch.tensor(list(text.encode("ascii")), dtype=torch.float32, device="cpu")


def decoded(saved: Any) -> dict[str, dict[str, Any]]:
    """Return the activations that a tensor holds.

    Raises:
        ConversionError: It holds something else, or the entry is of another version.

    Example:
        >>> decoded(encoded({"1": {"paths": ["1"]}}).half())
        {'1': {'paths': ['1']}}
    """
    try:
        codes = saved.detach().flatten().double().round().long().tolist()
        content = json.loads(bytes(codes).decode("ascii"))
        version, layers = content["version"], dict(content["layers"])
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise ConversionError(
            f"The entry {KEY} of the weights is damaged: it names no activations."
        ) from error
    if version != VERSION:
        raise ConversionError(f"This autoact reads entries {KEY} of version {VERSION}; got {version!r}.")
    return layers


def differs(ours: Layers, theirs: Layers) -> str | None:
    """Return how activations differ, None if they do not; values that the weights hold are left to these.

    Example:
        >>> relu, tanh = ({"choice": {"activation": name}} for name in ("relu", "tanh"))
        >>> differs({"1": relu}, {"1": relu}), differs({"1": relu}, {"1": tanh})
        (None, '1 is relu, but the weights are of tanh')
    """
    for path in {**ours, **theirs}:
        here, there = (_choice(layers[path]) if path in layers else None for layers in (ours, theirs))
        if here is None or there is None or _kept(here) != _kept(there):
            return f"{path} is {here or 'the original'}, but the weights are of {there or 'the original'}"
    return None


def _choice(entry: Mapping[str, Any]) -> Choice:
    return Choice.from_dict(entry["choice"])


def _kept(choice: Choice) -> tuple[str, Any]:
    """Return what the tensors of a choice's module do not tell."""
    held = module_for(choice).state_dict()
    return choice.activation, None if held else choice.parameters
