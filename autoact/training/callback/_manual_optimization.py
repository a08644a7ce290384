"""Manual optimization: each of the module's optimizers has an Adam of searched layers beside it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation
from autoact.training._compat import faces
from autoact.training.callback._activation_optimizer import ActivationOptimizer


class ManualOptimizers:
    """One `ActivationOptimizer` for each optimizer, stepped after it, cleared with it, and frozen with it.

    A layer belongs to the optimizer of the weights beside it: of its own module, else of the nearest module
    around it that has weights.

    Args:
        module: The module.
        layers: Searched layers by path.
        trainer: Has the module's optimizers.
        lr: Learning rate of the logits.
        parameter_lr: Learning rate of activation parameters.

    Raises:
        ConfigurationError: Several optimizers train the weights beside a layer.
    """

    def __init__(
        self,
        module: LightningModule,
        layers: Mapping[str, AutoActivation],
        trainer: Trainer,
        *,
        lr: float,
        parameter_lr: float,
    ) -> None:
        optimizers = list(trainer.optimizers)
        owners = {path: _owner(module, path, optimizers) for path in layers}
        self._adams: list[ActivationOptimizer] = []
        self._undo: list[Callable[[], None]] = []
        for index, optimizer in enumerate(optimizers):
            own = [layer for path, layer in layers.items() if owners[path] == index]
            adam = ActivationOptimizer(own, optimizers, lr=lr, parameter_lr=parameter_lr)
            self._adams.append(adam)
            if adam.parameters:
                self._attach(trainer, optimizer, adam)

    def step(self, trainer: Trainer) -> None:
        """Do nothing: every Adam follows its own optimizer."""

    def detach(self) -> None:
        """Leave the module's optimizers as they were."""
        for undo in self._undo:
            undo()
        self._undo.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all Adams in plain types."""
        return {str(index): adam.state_dict() for index, adam in enumerate(self._adams)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from states of `state_dict`."""
        for index, adam in enumerate(self._adams):
            adam.load_state_dict(state.get(str(index), {}))

    def _attach(self, trainer: Trainer, optimizer: Optimizer, adam: ActivationOptimizer) -> None:
        def stepped(*_: Any) -> None:
            adam.step(trainer)

        handles: list[RemovableHandle] = [optimizer.register_step_post_hook(stepped)]
        anchor = optimizer.param_groups[0]["params"][0]

        def frozen(gradient: Tensor) -> Tensor:  # as toggle_optimizer freezes the weights
            return gradient if anchor.requires_grad else gradient * 0

        handles += [p.register_hook(frozen) for p in adam.parameters if p.requires_grad]
        self._undo += [handle.remove for handle in handles]
        for face in faces(trainer, optimizer):
            self._undo.append(_also_clearing(face, adam))


def _also_clearing(optimizer: Any, adam: ActivationOptimizer) -> Callable[[], None]:
    """Let an optimizer's `zero_grad` clear another one, too; return what undoes that."""
    zero_grad = optimizer.zero_grad

    def both(*arguments: Any, **keywords: Any) -> None:
        zero_grad(*arguments, **keywords)
        if adam.adam is not None:
            adam.adam.zero_grad(*arguments, **keywords)

    optimizer.__dict__["zero_grad"] = both
    return lambda: optimizer.__dict__.pop("zero_grad", None)


def _owner(module: nn.Module, path: str, optimizers: Sequence[Optimizer]) -> int:
    """Return which optimizer trains the weights beside a layer."""
    trained = {
        id(p): index for index, o in enumerate(optimizers) for g in o.param_groups for p in g["params"]
    }
    around = path
    while around:
        around = around.rpartition(".")[0]
        found = {trained[id(p)] for p in module.get_submodule(around).parameters() if id(p) in trained}
        if len(found) == 1:
            return found.pop()
        if found:
            break
    raise ConfigurationError(
        f"ActivationSearch cannot tell which of {len(optimizers)} optimizers trains with {path!r}: the "
        f"weights beside it, in {around or type(module).__name__}, belong to several or to none. Put "
        "the activation into the module whose weights it follows, such as a Sequential of its own."
    )
