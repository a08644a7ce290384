"""Observation of the pre-activations of searched layers, by hooks that exist only at the steps that look."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.hooks import RemovableHandle

from autoact.nn import AutoActivation
from autoact.training._compat import saving_is_watched, transforms_active, uncompiled

Seen = Callable[[str, AutoActivation, Tensor], None]


class Observation:
    """Call functions with (path, layer, pre-activations) whenever a layer runs, while attached.

    Attributes:
        reached: Whether any layer ran meanwhile.
    """

    def __init__(self, layers: Mapping[str, AutoActivation]) -> None:
        self._layers = dict(layers)
        self.reached = False
        self._handles: list[RemovableHandle] = []

    def attach(self, *functions: Seen) -> None:
        """Start to watch every layer."""
        self.detach()
        for path, layer in self._layers.items():
            hook = partial(self._call, path, functions)
            self._handles.append(layer.register_forward_pre_hook(hook))

    def detach(self) -> None:
        """Stop watching; nothing stays on the model."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @uncompiled
    def _call(
        self, path: str, functions: tuple[Seen, ...], layer: Any, arguments: tuple[Tensor, ...]
    ) -> None:
        self.reached = True
        if transforms_active():  # pre-activations are wrapped, and buffers cannot be written
            return
        # checkpointing counts what the model saves, and only that; torch.func bears no hooks
        with saved_tensors_hooks(_as_is, _as_is) if saving_is_watched() else nullcontext():
            for function in functions:
                function(path, layer, arguments[0])


def _as_is(tensor: Tensor) -> Tensor:
    return tensor
