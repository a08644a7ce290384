"""Profiling of signals and gradients at every activation, against what its function does under N(0, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from autoact.errors import DataError
from autoact.geometry.signals._layer_profile import LayerProfile, Profile, described, value_of, warnings_of
from autoact.geometry.signals._meters import FlowMeter, Look
from autoact.geometry.signals._watching import Seen, run, watching

Loss = Callable[[nn.Module, Any], Tensor]


class _Record:
    """What was seen of one activation so far."""

    def __init__(self, seen: Seen) -> None:
        self.name, self.meter = seen.name, FlowMeter(window=None)
        self.looks: list[Look] = []
        self.chis: list[float] = []
        self.gradients: list[float] = []

    def see(self, seen: Seen) -> None:
        found = self.meter.see(seen.function, seen.z)
        if found is not None:
            self.looks.append(found)
            self.chis.append(float(value_of(self.meter.chi)))


def profile(model: nn.Module, batches: Iterable[Any], *, loss: Loss | None = None) -> Profile:
    """Return how signals and gradients pass every activation of a model, over a window of batches.

    Activations are AutoActivation, FixedActivation, torch's modules, and calls of torch's functions. The
    model runs in the mode it is in; its gradients, buffers and parameters stay as they are.

    Args:
        model: Any module.
        batches: Inputs, (inputs, ...) as a loader yields them, mappings, or one tensor of inputs; 4 or more
            batches say which units stay dead.
        loss: (model, batch) -> scalar whose gradients are measured; None: a fixed random combination of the
            outputs, which tells how gradients grow or fade between layers, not how large they are.

    Raises:
        DataError: No batch.
        UnsupportedInputError: A batch that the model does not take.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        >>> found = profile(model, [torch.randn(256, 64) for _ in range(4)])
        >>> round(found["1"].own_kappa, 2), abs(found["1"].kappa - 2) < 0.2, found["1"].dead
        (2.0, True, 0.0)
    """
    records: dict[str, _Record] = {}
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    count = 0
    try:
        for batch in [batches] if isinstance(batches, Tensor) else batches:
            _measure(model, batch, loss, records)
            count += 1
    finally:
        with torch.no_grad():
            for name, value in model.named_buffers():
                value.copy_(buffers.get(name, value))
    if not count:
        raise DataError("No batch to profile. Give at least one; four or more tell which units stay dead.")
    layers = {path: _summary(path, record) for path, record in records.items() if record.looks}
    return Profile(layers=layers, warnings=warnings_of(tuple(layers.values()), count))


def _measure(model: nn.Module, batch: Any, loss: Loss | None, records: dict[str, _Record]) -> None:
    """Run one batch forward and backward."""
    current: dict[str, Tensor] = {}

    def see(seen: Seen) -> None:
        records.setdefault(seen.path, _Record(seen)).see(seen)
        if seen.z.requires_grad:
            current[seen.path] = seen.z

    with torch.enable_grad(), watching(model, see):
        value = loss(model, batch) if loss is not None else _combination(run(model, batch))
    if value.requires_grad and current:
        found = torch.autograd.grad(value, list(current.values()), allow_unused=True)
        for path, gradient in zip(current, found, strict=True):
            if gradient is not None:
                records[path].gradients.append(float(gradient.float().square().mean()))


def _combination(outputs: Any) -> Tensor:
    """Return all outputs added up with fixed random signs."""
    tensors = [each for each in _tensors(outputs) if each.is_floating_point()]
    draw = torch.Generator().manual_seed(0)
    signs = (torch.randint(0, 2, each.shape[1:], generator=draw).to(each) * 2 - 1 for each in tensors)
    return sum(((each * sign).sum() for each, sign in zip(tensors, signs, strict=True)), torch.zeros(()))


def _tensors(outputs: Any) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, Mapping):
        for each in outputs.values():
            yield from _tensors(each)
    elif isinstance(outputs, list | tuple):
        for each in outputs:
            yield from _tensors(each)


def _summary(path: str, record: _Record) -> LayerProfile:
    gradient = math.sqrt(sum(record.gradients) / len(record.gradients)) if record.gradients else math.nan
    mean_of = partial(_mean, record.looks)
    return described(
        path,
        record.name,
        record.meter,
        (mean_of("slope"), mean_of("slope_moment")),
        (mean_of("mean"), mean_of("second_moment")),
        sum(record.chis) / len(record.chis),
        gradient,
    )


def _mean(looks: list[Look], name: str) -> float:
    return sum(float(getattr(each, name)) for each in looks) / len(looks)


def dead_units(model: nn.Module, batches: Iterable[Any]) -> dict[str, Tensor]:
    """Return which units of every activation got no gradient in any of the batches.

    Args:
        model: Any module.
        batches: A window: a unit that wakes up in one of them is not dead.

    Returns:
        By path, (units,) of bool; units are channels of images and features of vectors and sequences.

    Raises:
        DataError: No batch.
        UnsupportedInputError: A batch that the model does not take.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> with torch.no_grad():
        ...     _ = layer.bias.copy_(torch.tensor([-100.0, 0.0]))
        >>> dead_units(nn.Sequential(layer, nn.ReLU()), [torch.randn(50, 3)])
        {'1': tensor([ True, False])}
    """
    return {path: layer.dead_units for path, layer in profile(model, batches).items()}
