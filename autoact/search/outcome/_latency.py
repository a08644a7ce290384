"""Latency of one forward pass with different activations."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from autoact import conversion
from autoact.latency import medians
from autoact.records import Latency
from autoact.search.goals import place_of
from autoact.search.setup import Settings
from autoact.search.trainings import ModelTask, Task
from autoact.spaces import Assignment
from autoact.training import restored_randomness


def latency(task: Task, chosen: Assignment, settings: Settings) -> Latency | None:
    """Return median milliseconds per batch, chosen and original, taken in turns on the CPU.

    None where the model cannot be called on a batch outside a Trainer, and of a function.
    """
    found = latencies(task, {"chosen": chosen, "original": None}) if isinstance(task, ModelTask) else None
    unit = f"ms per batch on {place_of('the CPU', settings)}"
    return None if found is None else Latency(chosen=found["chosen"], original=found["original"], unit=unit)


def latencies(task: ModelTask, assignments: Mapping[str, Assignment | None]) -> dict[str, float] | None:
    """Return median milliseconds per batch by name, taken in turns on the CPU; None as above.

    Args:
        task: The model and its data.
        assignments: By name; None is the model as it is.
    """
    try:
        batch = _inputs(task.parts.example())
        with restored_randomness():
            models = {name: _model(task, assignment) for name, assignment in assignments.items()}
        calls: dict[str, Callable[[], Any]] = {name: partial(model, batch) for name, model in models.items()}
        with torch.inference_mode():
            seconds = medians(calls)
    except Exception:  # the user's forward may need anything; a latency is a courtesy, not a result
        return None
    return {name: 1e3 * value for name, value in seconds.items()}


def _model(task: ModelTask, assignment: Assignment | None) -> torch.nn.Module:
    model: torch.nn.Module = task.build()
    return (model if assignment is None else conversion.apply(model, assignment)).eval()


def _inputs(batch: Any) -> Any:
    return batch[0] if isinstance(batch, list | tuple) else batch
