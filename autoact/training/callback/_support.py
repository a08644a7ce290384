"""Support of trainings: those whose logits the callback cannot own get a clear error."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging, WeightAveraging
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch.optim import LBFGS

from autoact import conversion
from autoact.errors import ConfigurationError
from autoact.training._compat import averaged_copy, spawns


def kept_layers(module: LightningModule, space: Any) -> frozenset[str]:
    """Return paths of `AutoActivation` layers that a module made itself and a rule of the space keeps.

    Args:
        module: A converted module.
        space: What it was converted with.
    """
    known = (conversion.recipe(module) or {"layers": {}})["layers"]
    own = [path for path in conversion.auto_layers(module) if path not in known]
    kept = conversion.find_layers(module, space).left_alone if own else {}
    return frozenset(conversion.unwrapped(path) for path in own if path in kept)


class NoMixtureError(ConfigurationError):
    """A training that cannot learn a mixture, though it can train a model with fixed activations.

    Args:
        reason: What is in the way; half a sentence.
        remedy: What to do; the other half.

    Example:
        >>> print(NoMixtureError("there are no steps", "give max_steps."))
        There are no steps: give max_steps.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy = reason, remedy

    def __str__(self) -> str:
        """Return both as one sentence."""
        return f"{self.reason[0].upper()}{self.reason[1:]}: {self.remedy}"


def check_supported(trainer: Trainer, module: LightningModule, callback: Callback) -> None:
    """Refuse trainings with two such callbacks, or whose sharding or averaging it cannot follow.

    Raises:
        ConfigurationError: What was found and what to do.
    """
    name = type(callback).__name__
    same = [place for place, each in enumerate(_callbacks(trainer)) if isinstance(each, type(callback))]
    if len(same) > 1:
        raise ConfigurationError(
            f"The Trainer has {len(same)} callbacks {name} (numbers {', '.join(map(str, same))} of its "
            f"callbacks), and each would search all of {type(module).__name__}. Keep one; rules of its "
            "space say what each layer may become: layers: [{match: ..., candidates: [...]}]."
        )
    if not isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy):
        raise ConfigurationError(
            f"{name} works with one device or DDP, not with {type(trainer.strategy).__name__}, which would "
            'shard the logits: search with Trainer(strategy="ddp"), and shard the model that '
            "autoact.finalize or autoact.apply returns."
        )
    if spawns(trainer):
        raise ConfigurationError(
            f"{name} derives its assignment in the process that trains, and processes that the strategy "
            'starts take it with them when they end: give Trainer(strategy="ddp"), in a script.'
        )
    for other in averagers(trainer):
        if _position(trainer, other) < _position(trainer, callback):
            raise ConfigurationError(
                f"{type(other).__name__} copies the model before {name} converts it: list {name} first."
            )


def averagers(trainer: Trainer) -> list[StochasticWeightAveraging | WeightAveraging]:
    """Return the callbacks that keep an average of the weights, and put it into the model at the end."""
    return [c for c in _callbacks(trainer) if isinstance(c, StochasticWeightAveraging | WeightAveraging)]


def check_averages(trainer: Trainer, module: LightningModule, callback: Callback) -> None:
    """Refuse an average of a model that was copied before its conversion: tensors are paired by position.

    Raises:
        ConfigurationError: There is one.
    """
    names = [name for name, _ in module.named_parameters()]
    for other in averagers(trainer):
        inner = averaged_copy(other)
        if inner is not None and [name for name, _ in inner.named_parameters()] != names:
            raise ConfigurationError(
                f"{type(other).__name__} copied {type(module).__name__} before its layers were made and "
                f"converted, because it overrides setup or configure_model. Call autoact.convert(module, "
                f"space) yourself before Trainer.fit; {type(callback).__name__} then finds it converted."
            )


def _callbacks(trainer: Trainer) -> list[Callback]:
    return getattr(trainer, "callbacks", [])  # set where no type checker sees it


def _position(trainer: Trainer, callback: Callback) -> int:
    callbacks = _callbacks(trainer)
    return callbacks.index(callback) if callback in callbacks else -1


def check_optimizers(trainer: Trainer, callback: Callback) -> None:
    """Refuse optimizers that evaluate the loss several times per step.

    Raises:
        ConfigurationError: There is one.
    """
    if any(isinstance(optimizer, LBFGS) for optimizer in trainer.optimizers):
        raise NoMixtureError(
            "LBFGS evaluates the loss several times per step, and the mixture would change in between",
            f"train with another optimizer while {type(callback).__name__} learns, or compare fixed "
            "activations with autoact.run_search.",
        )
