"""Restoring of chosen activations: a LightningModule gets those that a checkpoint names."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningModule

from autoact import conversion
from autoact.errors import ConversionError


def restore_into(module: LightningModule, state: Mapping[str, Any]) -> None:
    """Give a module the activations that a state_dict names; every load_state_dict of Lightning calls this.

    Args:
        module: A module as it was, or one that has these activations already.
        state: The state_dict of a checkpoint.

    Raises:
        ConversionError: The module has other activations by choice, or the strategy of its Trainer has
            sharded it already; it is as it was before then.
    """
    strategy = getattr(module._trainer, "strategy", None)
    with conversion.all_or_nothing(module):
        placed = conversion.restore(module, state)
        if placed and getattr(strategy, "restore_checkpoint_after_setup", False):
            raise ConversionError(
                f"The checkpoint's model has other activations at {', '.join(placed)}, and "
                f"{type(strategy).__name__} loads after it set the model up. Call autoact.apply(model, "
                "assignment) before Trainer.fit(model, ckpt_path=...)."
            )
