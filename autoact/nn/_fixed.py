"""Plain modules for a chosen activation: torch's own where it has one, else FixedActivation."""

from collections.abc import Callable
from typing import Any, Literal, NoReturn

import torch
from torch import Tensor, nn

from autoact.activations import get
from autoact.errors import ConversionError
from autoact.kernels import mixture, require_tensors
from autoact.spaces import Choice

InPlace = Literal["itself", "input", "result"]  # what changes in place at an activation
_KEEPING_RESULT = ("relu", "sigmoid", "tanh")  # torch keeps their result for backward; else the input


def keeps_result(choice: Choice) -> bool:
    """Tell whether torch's module for a choice keeps its result for backward, and not its input.

    Args:
        choice: Activation and parameters.

    Example:
        >>> keeps_result(Choice("tanh")), keeps_result(Choice("gelu"))
        (True, False)
    """
    return choice.activation in _KEEPING_RESULT


def among_changes(in_place: InPlace | None, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a function of x that keeps its input for backward, while something changes in place.

    Args:
        in_place: "itself": x becomes the result; "input": x may change later; otherwise nothing happens to x.
        x: Any tensor.
        function: Returns a new tensor.

    Example:
        >>> x = torch.tensor([-1.0, 2.0])
        >>> among_changes("itself", x, torch.relu), x
        (tensor([0., 2.]), tensor([0., 2.]))
    """
    if in_place not in ("itself", "input"):
        return function(x)
    y = function(x.clone())
    return x.copy_(y) if in_place == "itself" else y


def unscriptable(module: nn.Module) -> NoReturn:
    """Refuse to be compiled by `torch.jit.script`, which asks every module.

    Args:
        module: An activation that is no module of torch's.

    Raises:
        ConversionError: Always; says what to do.

    Example:
        >>> unscriptable(FixedActivation("swish"))
        Traceback (most recent call last):
        autoact.errors.ConversionError: torch.jit.script cannot compile FixedActivation(swish(beta=1)): call
        autoact.finalize(model) first; what torch has no module for takes torch.jit.trace or autoact.export.
    """
    raise ConversionError(
        f"torch.jit.script cannot compile {module}: call autoact.finalize(model) first; what torch has no "
        "module for takes torch.jit.trace or autoact.export."
    )


class FixedActivation(nn.Module):
    """One registered activation with fixed parameters, for those that torch has no module for.

    A mixture of one: it keeps only its input for backward. Where something changes in place that torch's own
    module cannot live with, it is that module between copies.

    Args:
        name: Registered name.
        channel_dim: Dimension that per-channel parameters run along.
        in_place: What changes in place: "itself", its input with the call; "input", its input some time
            later; "result", its result, which it does not mind.
        **parameters: Value by parameter name; a tuple holds one value per channel.

    Example:
        >>> FixedActivation("swish", beta=2.0)(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8808])
    """

    def __init__(
        self, name: str, *, channel_dim: int = 1, in_place: InPlace | None = None, **parameters: Any
    ) -> None:
        super().__init__()
        self.in_place = in_place
        self.settings = Choice(name, parameters)
        self.channel_dim = channel_dim
        for key, value in self.settings.parameters.items():
            if isinstance(value, tuple):
                self.register_buffer(key, torch.tensor(value, dtype=torch.get_default_dtype()))
        own = get(name).module(**self.settings.parameters) if in_place and not self._buffers else None
        # torch's own, in a tuple so that it is no activation of the model's beside this one
        self._own = () if own is None or list(own.parameters()) else (own,)

    __prepare_scriptable__ = unscriptable

    @property
    def name(self) -> str:
        """Name of the activation."""
        return self.settings.activation

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of every element."""
        y = among_changes(self.in_place, x, self._own[0] if self._own else self._activation)
        return y.clone() if self._own and self.in_place == "result" else y

    def _activation(self, x: Tensor) -> Tensor:
        require_tensors(x=x)
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
        return str(self.settings) if self.in_place is None else f"{self.settings}, in_place={self.in_place!r}"


class InPlacePReLU(nn.PReLU):
    """torch's PReLU where its input changes in place: with the call ("itself"), or later ("input")."""

    _autoact_base = nn.PReLU  # so that it is known as that
    in_place: InPlace | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of every element."""
        return among_changes(self.in_place, x, super().forward)


def module_for(choice: Choice, *, channel_dim: int = 1, in_place: InPlace | None = None) -> nn.Module:
    """Return a plain module that computes a choice.

    Args:
        choice: Activation and parameters.
        channel_dim: Dimension that per-channel parameters run along (torch's PReLU knows only 1).
        in_place: What changes in place where the module is for: itself its own input, or neighbors its input
            or its result later. torch's module is returned if it can live with that.

    Example:
        >>> module_for(Choice("elu", {"alpha": 0.5}))
        ELU(alpha=0.5)
        >>> module_for(Choice("swish", {"beta": 2.0}))
        FixedActivation(swish(beta=2))
    """
    parameters = dict(choice.parameters)
    own = get(choice.activation).module(**parameters) if choice.channels is None or channel_dim == 1 else None
    plain = own and _living_with(in_place, choice, own)
    return plain or FixedActivation(
        choice.activation, channel_dim=channel_dim, in_place=in_place, **parameters
    )


def _living_with(in_place: InPlace | None, choice: Choice, own: nn.Module) -> nn.Module | None:
    """Return torch's module, if its gradient is right while something changes in place."""
    if in_place is None or (in_place == ("input" if keeps_result(choice) else "result")):
        return own
    differentiable = all(isinstance(v, float | int) and v >= 0 for v in choice.parameters.values())
    if in_place == "itself" and hasattr(own, "inplace") and differentiable:
        own.inplace = True  # type: ignore[assignment]
        return own
    if isinstance(own, nn.PReLU):
        return _prelu_among_changes(own, in_place)
    return None


def _prelu_among_changes(own: nn.PReLU, in_place: InPlace) -> nn.PReLU:
    """Return a PReLU whose slopes are still learned."""
    own.__class__ = InPlacePReLU
    own.in_place = in_place  # type: ignore[assignment]
    return own
