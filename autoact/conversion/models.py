"""What counts as a model."""

from typing import Any

import torch
from torch import nn

from autoact.errors import ConversionError


def check_model(model: Any) -> None:
    """Raise ConversionError, with the remedy, unless this is a module whose parts can be replaced."""
    kind = model.__name__ if isinstance(model, type) else type(model).__name__
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise ConversionError(f"A model is an instance of a class; got the class {kind}. Pass {kind}(...).")
    if not isinstance(model, nn.Module):
        raise ConversionError(f"A model is an instance of nn.Module; got {kind} ({model!r:.40}).")
    if isinstance(model, torch.jit.ScriptModule):
        raise ConversionError(
            "A model of torch.jit.script or torch.jit.trace cannot be converted: its code is compiled. "
            "Convert the model that it was made from, and script or trace the finalized one."
        )
