"""Opponents in a ranking, and what an activation must be to be ranked at all."""

from collections.abc import Sequence

import torch

from autoact.activations import additions, get, list_activations
from autoact.errors import ConfigurationError

REFERENCE = "relu"
_REACH = 6.0  # inputs at which an activation must be finite: pre-activations are near N(0, 1)


def opponents(own: Sequence[str], against: Sequence[str] | None) -> tuple[str, ...]:
    """Return what activations are ranked against, ReLU always among them.

    Args:
        own: The activations that are ranked.
        against: Names; None: all that come with autoact.

    Raises:
        UnknownActivationError: No such activation.

    Example:
        >>> opponents(["gelu"], ["silu", "GELU"])
        ('relu', 'silu')
    """
    named = sorted({*list_activations()} - {*additions()}) if against is None else against
    found = dict.fromkeys([REFERENCE, *(get(name).name for name in named)])
    return tuple(name for name in found if name not in own)


def require_finite(name: str) -> None:
    """Refuse an activation that a network cannot be trained with, before anything is trained.

    Args:
        name: Of the activation; its parameters are at their defaults.

    Raises:
        ConfigurationError: It is constant, or it or its slope is not finite somewhere in [-6, 6].

    Example:
        >>> require_finite("gelu")
    """
    x = (torch.arange(-100, 101) * (_REACH / 100)).requires_grad_()  # 0 is among them
    y = get(name)(x)
    slopes = torch.autograd.grad(y.sum(), x)[0] if y.requires_grad else torch.zeros_like(x)
    x, y = x.detach(), y.detach()
    for what, values in (("value", y), ("slope", slopes)):
        if len(wrong := (~torch.isfinite(values)).nonzero()):
            place = int(wrong[0])
            raise ConfigurationError(
                f"{name!r} has the {what} {float(values[place]):g} at x = {float(x[place]):.2f}, so no "
                "network trains with it. Change the formula, or its defaults: it must be finite on "
                f"[-{_REACH:g}, {_REACH:g}]."
            )
    if float(y.max() - y.min()) == 0.0:
        raise ConfigurationError(f"{name!r} is constant, {float(y[0]):g}, on [-{_REACH:g}, {_REACH:g}].")
