"""Callback for transformers' Trainer: checks the optimizer, logs the mixture, derives the assignment."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch.optim import Optimizer
from torch.utils.tensorboard import SummaryWriter
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from autoact.conversion import auto_layers, derive
from autoact.errors import ConfigurationError, first_few
from autoact.nn import AutoActivation
from autoact.spaces import Assignment
from autoact.tracking import LayerLogger

_NAMED = 3  # parameters that an error lists
_REMEDY = (
    "Convert the model first, then give the Trainer "
    "optimizers=(torch.optim.AdamW(autoact.training.param_groups(model, lr=..., activation_lr=1e-2)), None)."
)


class TransformersCallback(TrainerCallback):
    """Watch over the learned activations of a converted model that transformers' Trainer trains.

    Training starts only if the optimizer has all logits and activation parameters, without weight decay
    (which would pull all candidates towards equal weights). A training shorter than twice a layer's
    `release_steps` shortens them, so that it ends as a mixture. The state of every layer is logged for
    TensorBoard, in `autoact` below the Trainer's output directory.

    Attributes:
        assignment: After the training, the activation nearest to what each layer learned: a guess that no
            training has verified. None before.

    Raises:
        ConfigurationError: When the training starts: nothing to learn, parameters that the optimizer lacks or
            decays, or a sharded model.

    Example:
        >>> from autoact.integrations import TransformersCallback
        >>> callback = TransformersCallback()  # Trainer(model, optimizers=..., callbacks=[callback])
        >>> callback.assignment is None
        True
    """

    def __init__(self) -> None:
        self.assignment: Assignment | None = None
        self._logger: LayerLogger | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Check model and optimizer, and begin to log."""
        if getattr(args, "deepspeed", None) or getattr(args, "fsdp", None):
            raise ConfigurationError("Learned activations are not trained under FSDP or DeepSpeed; use DDP.")
        layers = auto_layers(given["model"])
        if not layers:
            raise ConfigurationError(f"The model has no activation to learn. {_REMEDY}")
        if faults := [*_faults(layers, given["optimizer"])]:
            raise ConfigurationError(f"{'; '.join(faults)}. {_REMEDY}")
        for layer in layers.values():
            if layer.release_steps is not None:
                layer.release_steps = min(layer.release_steps, max(1, state.max_steps // 2))
        if state.is_world_process_zero:
            writer = SummaryWriter(str(Path(str(args.output_dir)) / "autoact"))
            self._logger = LayerLogger(writer, layers, total=state.max_steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Log every layer, if it is time."""
        if self._logger is not None:
            self._logger.log(state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Log the end, and derive the assignment."""
        if self._logger is not None:
            self._logger.finish(state.global_step)
        self.assignment = derive(given["model"])


def _faults(layers: Mapping[str, AutoActivation], optimizer: Optimizer) -> Iterator[str]:
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    learned = {
        f"{path}.{name}": id(p) for path, layer in layers.items() for name, p in layer.named_parameters()
    }
    if lost := [name for name, key in learned.items() if key not in decays]:
        yield f"The optimizer lacks {first_few(lost, _NAMED)}"
    if decayed := [name for name, key in learned.items() if decays.get(key)]:
        decay = decays[learned[decayed[0]]]
        yield f"The optimizer decays {first_few(decayed, _NAMED)} (weight_decay={decay:g})"
