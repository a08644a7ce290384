"""Assignment put into a model when its training begins."""

from lightning.pytorch import Callback, LightningModule, Trainer

from autoact import conversion
from autoact.spaces import Assignment
from autoact.training.callback import when_built
from autoact.training.checkpoints import remember


class ApplyAssignment(Callback):
    """Give a model the activations of an assignment before its optimizers are made."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Apply it once; later stages find it applied."""
        if stage == "fit":
            when_built(pl_module, self._apply)

    def _apply(self, module: LightningModule) -> None:
        conversion.apply(module, self.assignment)
        remember(module)
