"""Length of a training in optimizer steps."""

import math

from lightning.pytorch import Trainer


def planned_steps(trainer: Trainer) -> float:
    """Return the optimizer steps of the whole training, infinity where nobody can know.

    Lightning says -1 for data without length under `max_epochs`, and infinity for training without end.

    Args:
        trainer: A Trainer that has been given its model and data, as in every hook of a callback.
    """
    steps = float(trainer.estimated_stepping_batches)
    return steps if steps > 0 else math.inf
