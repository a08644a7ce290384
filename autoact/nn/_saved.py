"""Candidates of a saved state: its logits say nothing without their names and order."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from autoact.kernels import parameter_slots

KEY = "_extra_state"  # torch's, for what get_extra_state returns
_BY_CANDIDATE = ("logits", "seen", "anchor", "scale")
_BY_SLOT = ("raw", "initial")


def encoded(candidates: tuple[str, ...]) -> Tensor:
    """Return names as a tensor of characters: weights_only, safetensors and averages of states know tensors.

    No buffer, since averages with buffers round those; int64, so that a mean of equal states is exact.

    Example:
        >>> encoded(("elu", "hill"))
        tensor([101, 108, 117,  32, 104, 105, 108, 108])
    """
    return torch.tensor([ord(letter) for letter in " ".join(candidates)], device="cpu")


def decoded(saved: Any) -> tuple[str, ...] | None:
    """Return the names that a tensor holds; None for nothing, or for a tensor without values.

    Example:
        >>> decoded(encoded(("elu", "hill")))
        ('elu', 'hill')
    """
    if not isinstance(saved, Tensor) or saved.is_meta:
        return None
    letters = saved.detach().flatten().double().round().long().clamp(0, 0x10FFFF).tolist()
    return tuple("".join(map(chr, letters)).split(" "))


def mismatch(path: str, ours: tuple[str, ...], theirs: tuple[str, ...]) -> str | None:
    """Return why the state of a layer cannot be another's; None where at most the order differs."""
    if sorted(ours) == sorted(theirs):
        return None
    return (
        f"{path or 'The layer'} chooses among {', '.join(ours)}, but the weights are of a choice among "
        f"{', '.join(theirs)}. Convert the model with the same space."
    )


def reordered(
    state: Mapping[str, Any], prefix: str, ours: tuple[str, ...], theirs: tuple[str, ...]
) -> dict[str, Any]:
    """Return the state of one layer with its tensors in the order of `ours`, which are the same names."""
    slots = [[(name, p.name) for name, p in parameter_slots(names)] for names in (ours, theirs)]
    orders = {
        **{key: [theirs.index(name) for name in ours] for key in _BY_CANDIDATE},
        **{key: [slots[1].index(slot) for slot in slots[0]] for key in _BY_SLOT},
    }
    changed = dict(state)
    for key, order in orders.items():
        tensor = changed.get(prefix + key)
        if isinstance(tensor, Tensor) and tensor.dim() and tensor.shape[-1] == len(order):
            changed[prefix + key] = tensor[..., order]
    return changed
