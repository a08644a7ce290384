"""torch's own module and functions for an activation, where it has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from autoact.errors import ConversionError

Value = float | tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The torch module class that computes an activation.

    Args:
        module: The class.
        settings: Activation parameter name -> constructor argument (and attribute) of the class.
        fixed: Constructor arguments that make the class this activation (GELU's approximate="tanh").
        when: Parameter values for which the class equals the activation (swish is SiLU at beta = 1).
        functions: torch functions that compute it with default settings.
        convertible: Whether a model's instances count as activations (nn.Identity is a placeholder).

    Example:
        >>> Twin(module=nn.ELU, settings={"alpha": "alpha"}).make({"alpha": 0.5})
        ELU(alpha=0.5)
    """

    module: type[nn.Module]
    settings: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    when: Mapping[str, float] = field(default_factory=dict)
    functions: tuple[Callable[..., Any], ...] = ()
    convertible: bool = True

    def make(self, values: Mapping[str, Value]) -> nn.Module | None:
        """Return a module with these parameter values, or None where the class has no such setting."""
        if any(values[name] != value for name, value in self.when.items()):
            return None
        if self.module is nn.PReLU:
            return _prelu(values["slope"])
        if any(isinstance(value, tuple) for value in values.values()):
            return None
        return self.module(
            **self.fixed, **{self.settings[n]: v for n, v in values.items() if n in self.settings}
        )

    def read(self, module: nn.Module) -> dict[str, Value] | None:
        """Return the parameter values of a module, or None if it is not this activation."""
        kind = getattr(type(module), "_autoact_base", type(module))
        if kind is not self.module or not self.convertible or self.when:
            return None
        if any(getattr(module, name) != value for name, value in self.fixed.items()):
            return None
        return {name: _plain(getattr(module, attribute)) for name, attribute in self.settings.items()}


def _plain(value: float | torch.Tensor) -> Value:
    if not isinstance(value, torch.Tensor):
        return float(value)
    if hasattr(value, "placements"):
        raise ConversionError(
            "The model is sharded over processes already (fully_shard), its activations' parameters too. "
            "Convert or apply first, then shard."
        )
    if value.is_meta:
        raise ConversionError(
            "The model is on the meta device, where a PReLU has no slope yet. Convert or apply after "
            'model.to_empty(device="cpu") and the loading of its weights.'
        )
    values = value.detach().double().flatten().tolist()
    return values[0] if len(values) == 1 else tuple(values)


def _prelu(slope: Value) -> nn.PReLU:
    slopes = torch.tensor(
        [slope] if isinstance(slope, float | int) else slope, dtype=torch.get_default_dtype()
    )
    module = nn.PReLU(len(slopes))
    with torch.no_grad():
        module.weight.copy_(slopes)
    return module
