"""Preparation of a module: changes that wait for its layers but come before its optimizers."""

from collections.abc import Callable

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden


def when_built(module: LightningModule, action: Callable[[LightningModule], object]) -> None:
    """Run `action(module)` now, or after `configure_model` where the module makes layers in its own hooks.

    Meant for `Callback.setup`, which Lightning calls before the module's own `setup`.

    Args:
        module: A module whose layers are made in `__init__`, `setup` or `configure_model`.
        action: What to do with it; may run once per stage, so it must do nothing the second time.
    """
    if not (is_overridden("setup", module) or is_overridden("configure_model", module)):
        action(module)
        return
    configure = module.configure_model

    def configure_and_act() -> None:
        module.__dict__.pop("configure_model", None)
        configure()
        action(module)

    module.__dict__["configure_model"] = configure_and_act
