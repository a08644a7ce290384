"""How long one forward pass takes with the chosen activations and with the original ones."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import torch

from autoact import conversion
from autoact.search.task import Task
from autoact.spaces import Assignment
from autoact.training.silence import restored_randomness

_SECONDS = 0.5
_WARMUP = 3


def latency(task: Task, chosen: Assignment) -> dict[str, float | str] | None:
    """Return median milliseconds per batch of `chosen` and `original`, taken in turns on the CPU.

    None where the model cannot be called on a batch outside a Trainer.
    """
    try:
        batch = _inputs(next(iter(task.parts.selection())))
        with restored_randomness():
            models = {"chosen": _model(task, chosen), "original": _model(task, None)}
        calls: dict[str, Callable[[], Any]] = {name: partial(model, batch) for name, model in models.items()}
        with torch.inference_mode():
            seconds = medians(calls)
    except Exception:  # the user's forward may need anything; a latency is a courtesy, not a result
        return None
    return {name: 1e3 * value for name, value in seconds.items()} | {"unit": "ms per batch on the CPU"}


def medians(calls: Mapping[str, Callable[[], Any]], seconds: float = _SECONDS) -> dict[str, float]:
    """Return the median time of each call in seconds, measured in turns so that drift hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_WARMUP):
        for call in calls.values():
            call()
    deadline = time.perf_counter() + seconds
    while not all(times.values()) or time.perf_counter() < deadline:
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in times.items()}


def _model(task: Task, assignment: Assignment | None) -> torch.nn.Module:
    model: torch.nn.Module = task.build()
    return (model if assignment is None else conversion.apply(model, assignment)).eval()


def _inputs(batch: Any) -> Any:
    return batch[0] if isinstance(batch, list | tuple) else batch
