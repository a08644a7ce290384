"""Callbacks of a probe: how long steps and validations take, and which activations run."""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from autoact import conversion
from autoact.spaces import Assignment, SearchSpace
from autoact.training._compat import steps_done


class Clock(Callback):
    """Measure trainings from within; give it to `train(callbacks=[clock])`, to several of them if need be.

    What else the machine does only ever makes a measurement longer. So a step takes the median of all that
    were measured, and a validation, of which there are few, the shortest.
    """

    def __init__(self) -> None:
        self._first: list[float] = []
        self._later: list[float] = []
        self._validations: list[float] = []
        self._step, self._began = 0, 0.0
        self._validation_began = 0.0
        self._warm = False

    @property
    def seconds_per_step(self) -> float | None:
        """Median wall time of a step; the first one warms up and does not count where there are others."""
        measured = self._later or self._first
        return median(measured) if measured else None

    @property
    def seconds_per_validation(self) -> float:
        """Shortest wall time of a validation; 0 before the first."""
        return min(self._validations, default=0.0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        self._step, self._began, self._warm = steps_done(trainer), time.perf_counter(), False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the time of each step; batches that only accumulate gradients count with their step."""
        done, now = steps_done(trainer) - self._step, time.perf_counter()
        if done > 0:
            (self._later if self._warm else self._first).append((now - self._began) / done)
            self._step, self._began, self._warm = steps_done(trainer), now, True

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a validation."""
        self._validation_began = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a validation; it is no part of the step after it."""
        if trainer.sanity_checking:
            return
        took = time.perf_counter() - self._validation_began
        self._validations.append(took)
        self._began += took


class ReachedLayers(Callback):
    """Put probes in place of a model's activations once its training begins; for a model that is thrown away.

    Training and validation steps are watched for activations that are no layers.

    Args:
        space: Finds the layers.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.plan: conversion.ConversionPlan | None = None
        self._probes: conversion.Probes | None = None
        self._watch: conversion.Watch | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put them in."""
        self.plan = plan = conversion.find_layers(pl_module, self.space)
        self._probes = conversion.Probes(pl_module, plan.layers, plan.paths)
        self._watch = self._probes.watch(plan.left_alone, plan.lines)

    def on_train_batch_start(self, *args: Any) -> None:
        """Watch the step."""
        if self._watch is not None:
            self._watch.__enter__()

    def on_validation_batch_start(self, *args: Any) -> None:
        """Watch the step."""
        self.on_train_batch_start()

    def on_before_backward(self, *args: Any) -> None:
        """Watch no more: what follows is no model's."""
        if self._watch is not None:
            self._watch.__exit__(None, None, None)

    def on_train_batch_end(self, *args: Any) -> None:
        """Watch no more, where nothing went backward."""
        self.on_before_backward()

    def on_validation_batch_end(self, *args: Any) -> None:
        """Watch no more."""
        self.on_before_backward()

    def on_exception(self, *args: Any) -> None:
        """Watch no more."""
        self.on_before_backward()

    @property
    def unsaid(self) -> dict[str, str]:
        """Reasons for activations that ran and are neither layers nor left alone, by path."""
        return {} if self._watch is None else self._watch.said()

    @property
    def idle(self) -> tuple[str, ...]:
        """Paths of layers that nothing reached."""
        return () if self._probes is None else self._probes.seen().idle

    def alternatives(self) -> Iterator[Assignment]:
        """Yield assignments of one activation to all layers that run and may have it; never what they are.

        No mixture of the model's own is left.
        """
        if self.plan is None:
            return
        layers = {path: names for path, names in self.plan.candidates.items() if path not in self.idle}
        mixtures = {path: layers[path][0] for path in self.plan.placed if path in layers}
        present = {path: choice.activation for path, choice in self.plan.layers.items()}
        for name in dict.fromkeys(name for names in layers.values() for name in names):
            changed = [path for path, names in layers.items() if name in names and present.get(path) != name]
            if changed:
                yield Assignment({**mixtures, **dict.fromkeys(changed, name)}, name=name)

    @property
    def some(self) -> bool:
        """Whether any layer ran."""
        return self._probes is None or len(self.idle) < len(self._probes.paths)
