"""Beginnings of trainings: their weights and random numbers, which the seed alone should decide."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class Beginnings(Callback):
    """Compare how trainings begin that differ in their seed; give it to `train(callbacks=[...])` of each.

    Example:
        >>> beginnings = Beginnings()
        >>> make = beginnings.watched(lambda: torch.manual_seed(3))
        >>> for seed in (1, 2):
        ...     _ = torch.manual_seed(seed), make()
        >>> beginnings.made_alike
        True
    """

    def __init__(self) -> None:
        self._made: list[str] = []
        self._weights: list[str] = []
        self._drawn: list[str] = []

    def watched(self, make: Callable[[], Any]) -> Callable[[], Any]:
        """Return what makes the same module, watched."""

        def made() -> Any:
            module = make()
            self._made.append(_digest([torch.get_rng_state()]))
            return module

        return made

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the weights and at the generator of random numbers."""
        self._weights.append(_digest(parameter.detach() for parameter in pl_module.parameters()))
        self._drawn.append(_digest([torch.get_rng_state()]))

    @property
    def made_alike(self) -> bool:
        """Whether making the module left the same random numbers, whatever the seed."""
        return _alike(self._made)

    @property
    def weights_alike(self) -> bool:
        """Whether all began with the same weights."""
        return _alike(self._weights)

    @property
    def draws_alike(self) -> bool:
        """Whether all began with the same random numbers, from which batches and dropout follow."""
        return _alike(self._drawn)


def _alike(digests: list[str]) -> bool:
    return len(digests) > 1 and len(set(digests)) == 1


def _digest(tensors: Iterable[Tensor]) -> str:
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
