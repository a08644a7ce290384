"""Stop a training between two epochs, and go on with it later as if it had never stopped."""

import os
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from autoact.errors import ConfigurationError

_KEY = "autoact_random_state"


class Pausing(Callback):
    """End a training after a share of its epochs; the Trainer's length and every schedule stay the whole one.

    The state that goes into a checkpoint holds the random generators, those of the loaders included, so that
    the epochs after a pause see the order of the data and the dropout that they would have seen without it.
    That fails where random numbers are drawn out of reach: in persistent loader workers, in a data set that
    draws from a generator of its own, or by a reloading of the loaders between epochs.

    It must be the first callback: others may change the weights when a training ends.

    Args:
        until: Share of the epochs after which to stop, in (0, 1].
        save_to: File for the state at that point; None keeps none. Nothing is saved of a training that ended
            by itself before.
    """

    def __init__(self, until: float, save_to: Path | None = None) -> None:
        if not 0 < until <= 1:
            raise ConfigurationError(f"until={until} must be a share of the epochs, in (0, 1].")
        self.until, self.save_to = until, save_to
        self.ended = True
        self.first_step = 0
        self._last = 0
        self._restored: dict[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Learn after which epoch to stop."""
        if trainer.max_epochs is None or trainer.max_epochs < 1:
            raise ConfigurationError(
                "A training can only be paused after a share of its epochs: set the trainer's max_epochs."
            )
        self._last = max(1, round(self.until * trainer.max_epochs))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the first epoch after a pause begin like any other, its loader iterated anew."""
        self.first_step = trainer.global_step
        trainer.fit_loop.restarting = False  # Lightning takes it for the rest of an epoch that was torn
        trainer.fit_loop.on_iteration_done()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the random generators back, once everything that a fresh start draws has been drawn."""
        if self._restored is not None:
            _restore(self._restored, trainer)
            self._restored = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make this epoch the last; min_epochs does not hinder that, as it would a request to stop."""
        if trainer.current_epoch + 1 >= self._last:
            trainer.fit_loop.max_epochs = self._last

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the state, unless the training ended by itself."""
        self.ended = self.until >= 1 or trainer.current_epoch < self._last or trainer.should_stop
        if self.save_to is not None and not self.ended:
            save(trainer, self.save_to)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the state of every random generator."""
        checkpoint[_KEY] = _random_state(trainer)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep that state until the first epoch."""
        self._restored = checkpoint.get(_KEY)


def save(trainer: Trainer, path: Path) -> None:
    """Save a checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    trainer.save_checkpoint(partial)
    os.replace(partial, path)


def generators(data: Iterable[Any]) -> Iterator[torch.Generator]:
    """Iterate over the loaders' own random generators, wherever the loaders are nested."""
    for item in data:
        if isinstance(item, Mapping):
            yield from generators(item.values())
        elif isinstance(item, list | tuple):
            yield from generators(item)
        elif isinstance(item, DataLoader):
            own = (item.generator, getattr(item.sampler, "generator", None))
            yield from (generator for generator in own if generator is not None)


def _random_state(trainer: Trainer) -> dict[str, Any]:
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "loaders": [generator.get_state() for generator in generators([trainer.train_dataloader])],
    }


def _restore(state: Mapping[str, Any], trainer: Trainer) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    for generator, saved in zip(generators([trainer.train_dataloader]), state["loaders"], strict=True):
        generator.set_state(saved)
