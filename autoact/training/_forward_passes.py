"""Forward passes outside of a training: on the device of a Trainer, with its precision."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from lightning.pytorch.utilities import move_data_to_device
from torch import nn

from autoact.training.fit._laid_out import silent_trainer


class ForwardPasses:
    """Forward passes as a Trainer with some arguments would do them.

    Args:
        trainer: The user's arguments of the Trainer.

    Example:
        >>> passes = ForwardPasses({"max_epochs": 1, "accelerator": "cpu"})
        >>> passes.device, passes.where
        (device(type='cpu'), 'the CPU')
    """

    def __init__(self, trainer: Mapping[str, Any]) -> None:
        strategy = silent_trainer({**trainer, "callbacks": None}).strategy
        self.device: torch.device = strategy.root_device
        self._precision: Any = strategy.precision_plugin

    @property
    def where(self) -> str:
        """The device, in words."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"the {self.device.type.upper()}"

    def ready(self, model: nn.Module) -> nn.Module:
        """Return a model on the device, in evaluation mode.

        Args:
            model: It is moved.
        """
        ready: nn.Module = self._precision.convert_module(model.to(self.device)).eval()
        return ready

    def inputs(self, batch: Any) -> Any:
        """Return what a forward takes of a batch, on the device: of a tuple or list the first.

        Args:
            batch: Of a loader.
        """
        taken = batch[0] if isinstance(batch, list | tuple) else batch
        return self._precision.convert_input(move_data_to_device(taken, self.device))

    def call(self, model: nn.Module, inputs: Any) -> Callable[[], Any]:
        """Return what calls a model: a mapping that its forward takes by name is given so.

        Args:
            model: On the device.
            inputs: On the device.
        """
        if isinstance(inputs, Mapping):
            try:
                inspect.signature(model.forward).bind(**inputs)
            except TypeError:
                return partial(model, inputs)
            return partial(model, **inputs)
        return partial(model, inputs)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be without gradients, with the Trainer's precision."""
        with torch.inference_mode(), self._precision.forward_context():
            yield
