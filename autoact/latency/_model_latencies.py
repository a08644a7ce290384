"""Latencies of whole models, side by side."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import nn

from autoact import conversion
from autoact.conversion.surroundings import evaluating
from autoact.errors import ConfigurationError
from autoact.latency._call_times import in_turns, ratio
from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLatency:
    """How long a forward pass of one model takes.

    Attributes:
        name: Of the model.
        milliseconds: Median over the rounds.
        ratio: Lower quartile, median and upper quartile of its time over the original's, round by round.

    Example:
        >>> ModelLatency(name="tanh everywhere", milliseconds=1.5, ratio=(1.0, 1.1, 1.2)).ratio[1]
        1.1
    """

    name: str
    milliseconds: float
    ratio: tuple[float, float, float]


def model_latencies(
    model: nn.Module, batch: Any, assignments: Mapping[str, Assignment], seconds: float = 1.0
) -> tuple[ModelLatency, ...]:
    """Measure a forward pass of a model as it is and with each assignment, in turns, in eval mode.

    Args:
        model: Stays as it is; copies are changed.
        batch: What the model takes: a tensor, a tuple of arguments or a mapping of keywords.
        assignments: By name.
        seconds: For all measurements together.

    Returns:
        The original first.

    Raises:
        ConfigurationError: The model cannot be called on the batch.
        ConversionError: An assignment does not fit the model.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        >>> found = model_latencies(model, torch.ones(8, 4), {"tanh": Assignment({"1": "tanh"})}, 0.01)
        >>> [latency.name for latency in found]
        ['original', 'tanh']
    """
    models = {"original": model} | {
        name: conversion.apply(copy.deepcopy(model), assignment) for name, assignment in assignments.items()
    }
    with evaluating(model), torch.inference_mode():
        times = in_turns({name: partial(call, each.eval(), batch) for name, each in models.items()}, seconds)
    return tuple(
        ModelLatency(name=name, milliseconds=1e3 * median(own), ratio=ratio(own, times["original"]))
        for name, own in times.items()
    )


def call(model: nn.Module, batch: Any) -> Any:
    """Call a model on a tensor, a tuple of arguments or a mapping of keywords.

    Args:
        model: Any module.
        batch: What its forward takes.

    Returns:
        What the model returns.

    Raises:
        ConfigurationError: Its forward does not take this.

    Example:
        >>> call(nn.ReLU(), torch.tensor([-1.0, 1.0]))
        tensor([0., 1.])
    """
    try:
        if isinstance(batch, Mapping):
            return model(**batch)
        return model(*batch) if isinstance(batch, list | tuple) else model(batch)
    except Exception as error:  # a user's forward may raise anything
        said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": .")
        raise ConfigurationError(
            f"{type(model).__name__} cannot be called on {_described(batch)}: {said}. "
            "Give inputs that its forward takes."
        ) from error


def _described(batch: Any) -> str:
    if isinstance(batch, Mapping):
        return ", ".join(f"{name}={_described(value)}" for name, value in batch.items())
    if isinstance(batch, list | tuple):
        return f"({', '.join(map(_described, batch))})"
    return f"{tuple(batch.shape)} {batch.dtype}" if isinstance(batch, torch.Tensor) else type(batch).__name__
