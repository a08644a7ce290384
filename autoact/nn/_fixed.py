"""Plain modules for a chosen activation: torch's own where it has one, else FixedActivation."""

from typing import Any

import torch
from torch import Tensor, nn

from autoact.activations import get
from autoact.kernels import mixture
from autoact.spaces import Choice


class FixedActivation(nn.Module):
    """One registered activation with fixed parameters, for those that torch has no module for.

    A mixture of one: it keeps only its input for backward.

    Args:
        name: Registered name.
        channel_dim: Dimension that per-channel parameters run along.
        **parameters: Value by parameter name; a tuple holds one value per channel.

    Example:
        >>> FixedActivation("swish", beta=2.0)(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8808])
    """

    def __init__(self, name: str, *, channel_dim: int = 1, **parameters: Any) -> None:
        super().__init__()
        self.settings = Choice(name, parameters)
        self.channel_dim = channel_dim
        for key, value in self.settings.parameters.items():
            if isinstance(value, tuple):
                self.register_buffer(key, torch.tensor(value, dtype=torch.get_default_dtype()))

    @property
    def name(self) -> str:
        """Name of the activation."""
        return self.settings.activation

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of every element."""
        one = torch.ones(
            1, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32, device=x.device
        )
        values = {
            key: getattr(self, key).to(one.dtype) if isinstance(value, tuple) else value
            for key, value in self.settings.parameters.items()
        }
        return mixture(x, one, (self.name,), {self.name: values}, channel_dim=self.channel_dim)

    def extra_repr(self) -> str:
        """Return name and parameters."""
        return str(self.settings)


def module_for(choice: Choice, *, channel_dim: int = 1) -> nn.Module:
    """Return a plain module that computes a choice.

    Args:
        choice: Activation and parameters.
        channel_dim: Dimension that per-channel parameters run along (torch's PReLU knows only 1).

    Example:
        >>> module_for(Choice("elu", {"alpha": 0.5}))
        ELU(alpha=0.5)
        >>> module_for(Choice("swish", {"beta": 2.0}))
        FixedActivation(swish(beta=2))
    """
    parameters = dict(choice.parameters)
    own = get(choice.activation).module(**parameters) if choice.channels is None or channel_dim == 1 else None
    return own or FixedActivation(choice.activation, channel_dim=channel_dim, **parameters)
