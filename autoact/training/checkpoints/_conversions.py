"""Checkpoints of converted models: the conversion travels in the file and is replayed when it is loaded.

A LightningModule's class knows nothing of the conversion, so `UserModule.load_from_checkpoint(path)` would
make the original layers. Lightning lets a checkpoint name the function that makes the module; ours makes it
as ever and replays the conversion before the weights are loaded. Lightning 2.6.6 trusts such functions only
by name, so the names are registered here: `import autoact.training` comes before loading such a checkpoint.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lightning.pytorch import LightningModule

from autoact import conversion
from autoact.errors import ConversionError
from autoact.training._compat import INSTANTIATOR, LIGHTNING_CLI, trust_instantiators

RECIPE = "autoact_recipe"
_HYPER_PARAMETERS = LightningModule.CHECKPOINT_HYPER_PARAMS_KEY
_PLAIN = "autoact.training.checkpoints.instantiate"
_FROM_CLI = "autoact.training.checkpoints.instantiate_from_cli"

trust_instantiators(_PLAIN, _FROM_CLI)


def remember(module: LightningModule) -> None:
    """Make every checkpoint of a converted module carry its conversion, weights-only checkpoints included.

    Args:
        module: A converted module; nothing about its class changes. Calling this again changes nothing.

    Example:
        >>> import autoact
        >>> from autoact.training.tasks import DigitsModel
        >>> remember(autoact.convert(DigitsModel(), ["relu", "tanh"]))
    """
    for hook, function in (("on_save_checkpoint", _save), ("on_load_checkpoint", _check)):
        if not isinstance(module.__dict__.get(hook), partial):
            module.__dict__[hook] = partial(function, module, getattr(module, hook))


def instantiate(cls: type[LightningModule], arguments: dict[str, Any]) -> LightningModule:
    """Make a module whose next `on_load_checkpoint` replays the conversion; Lightning calls this."""
    return _awaiting_recipe(cls(**arguments))


def instantiate_from_cli(cls: type[LightningModule], arguments: dict[str, Any]) -> LightningModule:
    """Do the same for a checkpoint of LightningCLI."""
    from lightning.pytorch.cli import instantiate_module

    return _awaiting_recipe(instantiate_module(cls, arguments))


def _awaiting_recipe(module: LightningModule) -> LightningModule:
    module.__dict__["on_load_checkpoint"] = partial(_replay, module, module.on_load_checkpoint)
    return module


def _replay(module: LightningModule, then: Callable[[Any], None], checkpoint: dict[str, Any]) -> None:
    del module.__dict__["on_load_checkpoint"]
    conversion.replay(module, checkpoint[RECIPE])
    remember(module)
    then(checkpoint)


def _save(module: LightningModule, then: Callable[[Any], None], checkpoint: dict[str, Any]) -> None:
    recipe = conversion.recipe(module)
    if recipe is not None:
        checkpoint[RECIPE] = recipe
    named = conversion.KEY in checkpoint.get("state_dict", {}) and not conversion.auto_layers(module)
    if recipe is not None and not named:  # what the weights name is restored by load_state_dict
        arguments = _arguments(type(module), checkpoint)
        from_cli = arguments.get(INSTANTIATOR) == LIGHTNING_CLI
        checkpoint[_HYPER_PARAMETERS] = arguments | {INSTANTIATOR: _FROM_CLI if from_cli else _PLAIN}
    then(checkpoint)


def _arguments(cls: type[LightningModule], checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return what `cls` is made from; Lightning writes a single argument as its content and its name."""
    saved = checkpoint.get(_HYPER_PARAMETERS, {})
    name = str(checkpoint.get(LightningModule.CHECKPOINT_HYPER_PARAMS_NAME))
    if name not in inspect.signature(cls).parameters:
        return dict(saved)
    del checkpoint[LightningModule.CHECKPOINT_HYPER_PARAMS_NAME]
    checkpoint.pop(LightningModule.CHECKPOINT_HYPER_PARAMS_TYPE, None)
    return {name: saved}


def _check(module: LightningModule, then: Callable[[Any], None], checkpoint: dict[str, Any]) -> None:
    """Say why a checkpoint does not fit before torch lists missing keys."""
    saved, present = checkpoint.get(RECIPE), conversion.recipe(module)
    if saved != present:
        if saved is None:
            raise ConversionError(
                "The checkpoint's model was not converted, and this one was: it cannot be resumed. To start "
                "from its weights, call autoact.training.load_weights(model, path) before Trainer.fit(model)."
            )
        raise ConversionError(
            "The checkpoint's model was converted differently from this one. Resume with the search space "
            "and the arguments of the run that wrote it."
        )
    then(checkpoint)


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
