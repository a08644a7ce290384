"""Saving of a trained model: the file is there whole or not at all."""

import os
from pathlib import Path

from lightning.pytorch import Trainer


def save(trainer: Trainer, path: Path) -> None:
    """Save a checkpoint, whole or not at all.

    Args:
        trainer: A Trainer that has a model.
        path: The file; its folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    trainer.save_checkpoint(partial)
    os.replace(partial, path)
