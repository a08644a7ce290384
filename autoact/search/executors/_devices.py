"""Devices of workers: on a machine with several GPUs each worker sees its own."""

import os
from collections.abc import Mapping
from typing import Any

import torch

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_ANY_GPU = ("auto", "gpu", "cuda")  # of Lightning's accelerators
_ONE = (1, "1", "auto")


def environments(workers: int, trainer: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the variables that give each worker its device: they are handed out evenly, in turn.

    Whoever names a device is given it.

    Args:
        workers: How many.
        trainer: Arguments of the Trainer.

    Example:
        >>> environments(2, {"accelerator": "cpu"})
        [{}, {}]
    """
    any_gpu = trainer.get("accelerator", "auto") in _ANY_GPU and trainer.get("devices", 1) in _ONE
    visible = _visible() if any_gpu else []
    return [{_VARIABLE: visible[n % len(visible)]} if visible else {} for n in range(workers)]


def _visible() -> list[str]:
    """Return the GPUs that this process may use, by number or by name."""
    count, given = torch.cuda.device_count(), os.environ.get(_VARIABLE)
    names = map(str, range(count)) if given is None else map(str.strip, given.split(","))
    return list(names)[:count]
