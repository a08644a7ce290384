"""Reached layers: which activations of a model run while it is trained and validated."""

from lightning.pytorch import Callback, LightningModule, Trainer

from autoact import conversion
from autoact.spaces import SearchSpace


class ReachedLayers(Callback):
    """Put probes in place of a model's activations once its training begins; for a model that is thrown away.

    Args:
        space: Finds the layers.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._probes: conversion.Probes | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put them in."""
        plan = conversion.find_layers(pl_module, self.space)
        self._probes = conversion.Probes(pl_module, plan.layers, plan.paths)

    @property
    def idle(self) -> tuple[str, ...]:
        """Paths of layers that nothing reached."""
        return () if self._probes is None else self._probes.seen().idle

    @property
    def some(self) -> bool:
        """Whether any layer ran."""
        return self._probes is None or len(self.idle) < len(self._probes.layers)
