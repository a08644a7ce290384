"""Hidden parameters: logits are no parameters of the module while it makes its optimizers.

What sorts parameters by name or by the type of their module has no place for them, and they leave the
optimizers' groups anyway.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from lightning.pytorch import LightningModule

from autoact.nn import AutoActivation


def hide_while_configuring(
    module: LightningModule, layers: Callable[[], Iterable[AutoActivation]]
) -> Callable[[], None]:
    """Hide the parameters of searched layers whenever a module's `configure_optimizers` runs.

    Args:
        module: A converted module.
        layers: Gives its searched layers.

    Returns:
        What gives the module its own method back.
    """
    name = "configure_optimizers"
    configure, own = module.configure_optimizers, module.__dict__.get(name)

    @wraps(configure)
    def without_them() -> Any:
        with hidden(layers()):
            return configure()

    def show() -> None:
        if own is None:
            module.__dict__.pop(name, None)
        else:
            module.__dict__[name] = own

    module.__dict__[name] = without_them
    return show


@contextmanager
def hidden(layers: Iterable[AutoActivation]) -> Iterator[None]:
    """Let `parameters()` and `named_parameters()` pass over layers; their attributes stay.

    Args:
        layers: Searched layers.

    Example:
        >>> layer = AutoActivation(["relu", "tanh"])
        >>> with hidden([layer]):
        ...     len(list(layer.parameters())), layer.logits.shape
        (0, torch.Size([2]))
    """
    taken = {layer: dict(layer._parameters) for layer in layers}
    for layer, parameters in taken.items():
        layer._parameters.clear()
        vars(layer).update(parameters)
    try:
        yield
    finally:
        for layer, parameters in taken.items():
            for name in parameters:
                vars(layer).pop(name, None)
            layer._parameters.update(parameters)
