"""What a training must be like for the callback to own its logits; everything else gets a clear error."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging, WeightAveraging
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch.optim import LBFGS

from autoact.errors import ConfigurationError

_GROUPS = "convert the model yourself and use autoact.training.param_groups in configure_optimizers instead."


def check_supported(trainer: Trainer, module: LightningModule, callback: Callback) -> None:
    """Refuse trainings whose optimizer steps, sharding or averaging the callback cannot follow.

    Raises:
        ConfigurationError: What was found and what to do.
    """
    name = type(callback).__name__
    if not module.automatic_optimization:
        raise ConfigurationError(
            f"{type(module).__name__} uses manual optimization, whose steps {name} cannot follow: {_GROUPS}"
        )
    if not isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy):
        raise ConfigurationError(
            f"{name} works with one device or DDP, not yet with {type(trainer.strategy).__name__}: "
            'use Trainer(strategy="ddp").'
        )
    callbacks: list[Callback] = getattr(trainer, "callbacks", [])  # set where no type checker sees it
    earlier = callbacks[: callbacks.index(callback)] if callback in callbacks else []
    for other in earlier:
        if isinstance(other, StochasticWeightAveraging | WeightAveraging):
            raise ConfigurationError(
                f"{type(other).__name__} copies the model before {name} converts it: list {name} first."
            )


def check_optimizers(trainer: Trainer, callback: Callback) -> None:
    """Refuse optimizers that evaluate the loss several times per step.

    Raises:
        ConfigurationError: There is one.
    """
    if any(isinstance(optimizer, LBFGS) for optimizer in trainer.optimizers):
        raise ConfigurationError(
            f"LBFGS evaluates the loss several times per step, and {type(callback).__name__} would change "
            "the function in between: train with another optimizer while activations are searched."
        )
