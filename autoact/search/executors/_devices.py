"""Devices of workers: on a machine with several GPUs each worker sees its own."""

import os
from collections.abc import Mapping
from typing import Any

import torch

from autoact.training.fit import devices_of

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_ANY_GPU = ("auto", "gpu", "cuda")  # of Lightning's accelerators


def environments(workers: int, trainer: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the variables that give each worker its devices: they are handed out evenly, in turn.

    Whoever names a device is given it.

    Args:
        workers: How many.
        trainer: Arguments of the Trainer.

    Example:
        >>> environments(2, {"accelerator": "cpu"})
        [{}, {}]
    """
    each, any_gpu = trainer.get("devices", 1), trainer.get("accelerator", "auto") in _ANY_GPU
    visible = _visible() if any_gpu and isinstance(each, int | str) and "," not in str(each) else []
    if not visible:
        return [{} for _ in range(workers)]
    size = devices_of(trainer)
    turns = [[visible[k % len(visible)] for k in range(n * size, (n + 1) * size)] for n in range(workers)]
    return [{_VARIABLE: ",".join(turn)} for turn in turns]


def _visible() -> list[str]:
    """Return the GPUs that this process may use, by number or by name."""
    count, given = torch.cuda.device_count(), os.environ.get(_VARIABLE)
    names = map(str, range(count)) if given is None else map(str.strip, given.split(","))
    return list(names)[:count]
