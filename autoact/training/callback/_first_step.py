"""First step of a training: activations that it runs and that are no layers are told once."""

from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities import rank_zero_info

from autoact import conversion


class FirstStep:
    """Watch over one training step.

    Args:
        module: With its layers converted.
        space: That found them.
    """

    def __init__(self, module: LightningModule, space: Any) -> None:
        plan = conversion.find_layers(module, space)
        self._watch: conversion.Watch | None = conversion.Watch(
            module, plan.left_alone, plan.lines, operators=False
        )

    def begin(self) -> None:
        """Watch from here on, once."""
        if self._watch is not None:
            self._watch.__enter__()

    def end(self) -> None:
        """Watch no more, and tell."""
        watch, self._watch = self._watch, None
        if watch is None:
            return
        watch.__exit__(None, None, None)
        if said := watch.said():
            listed = "".join(f"\n  {path}: {reason}" for path, reason in said.items())
            rank_zero_info(
                f"Activations that run and are not searched, beside those that were left alone:{listed}"
            )
