"""State that a module carries from one validation to the next, such as the best value so far."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor

from autoact.training._compat import restored_randomness, silence
from autoact.training.data import DataParts, halve
from autoact.training.fit._laid_out import silent_trainer
from autoact.training.fit._one_run import validated

_BATCHES = 4  # of a validation here
_RELATIVE = 1e-4  # what the same weights on the same data may differ by: sums in another order on a GPU
_CHANGES: tuple[Callable[[Tensor], Tensor], ...] = (torch.zeros_like, torch.neg)


class KeptModule(Callback):
    """Keep the module of a training; give it to `train(callbacks=[...])`.

    Attributes:
        module: That was trained.
        steppable: Whether an optimizer has its parameters, or it steps by itself.
    """

    def __init__(self) -> None:
        self.module: LightningModule | None = None
        self.steppable = True

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep it."""
        self.module = pl_module
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        stepped = {id(parameter) for group in groups for parameter in group["params"]}
        own = {id(parameter) for parameter in pl_module.parameters()}
        self.steppable = not pl_module.automatic_optimization or not own.isdisjoint(stepped)


class ShortValidations:
    """Short validations of modules on the selection data, all with the same random numbers.

    Args:
        module: One that was trained for a few steps and validated.
        make: Makes another.
        parts: The data.
        monitor: Name of the value.
        trainer: The user's arguments of the Trainer.
    """

    def __init__(
        self,
        module: LightningModule,
        make: Callable[[], Any],
        parts: DataParts,
        monitor: str,
        trainer: Mapping[str, Any],
    ) -> None:
        self.module, self.make, self.monitor = module, make, monitor
        limit = trainer.get("limit_val_batches")
        batches = min(limit, _BATCHES) if type(limit) is int else _BATCHES
        self.settings = {**trainer, "callbacks": None, "limit_val_batches": batches}
        self.opened = parts.open()

    def carried(self) -> bool:
        """Tell whether the value shows what was validated before it.

        The same weights are validated before and after others. A value that then differs, or that stays the
        same for all weights where fresh modules tell them apart, is none of the weights alone. False where it
        cannot be known: the value is random, or a module cannot be validated like this.
        """
        with restored_randomness(), silence():
            try:
                return self._carried()
            except Exception:  # the user's code, with weights that no training makes
                return False

    def _carried(self) -> bool:
        with kept_weights(self.module):
            states = [_copied(self.module)]
            first = self._value(self.module)
            found = [first]
            for change in _CHANGES:
                with torch.no_grad():
                    for parameter in self.module.parameters():
                        parameter.copy_(change(parameter))
                states.append(_copied(self.module))
                found.append(self._value(self.module))
            _load(self.module, states[0])
            again = self._value(self.module)
        if math.isnan(first) or (_same(again, first) and len(set(found)) > 1):
            return False
        fresh = [self._fresh(state, seed) for seed, state in enumerate((states[0], *states))]
        if not _same(fresh[0], fresh[1]):  # random, or another one in each module
            return False
        if not _same(again, first):
            return True
        return (len(set(fresh)) > 1 or not _same(fresh[0], first)) and not self._follows_data()

    def _follows_data(self) -> bool:
        """Tell whether a module whose value no weights change tells other data apart, again and again.

        One that validates weights kept elsewhere, such as averages in a dictionary, does; a best value not.
        """
        try:
            one, other = halve(self.opened.loaders()[1], 0)
            first, second, again = (self._value(self.module, part) for part in (one, other, one))
        except Exception:  # loaders that cannot be halved, batches that only the data module makes
            return False
        return _same(first, again) and not _same(first, second)

    def _fresh(self, state: Mapping[str, Any], seed: int) -> float:
        seed_everything(seed, workers=True, verbose=False)
        module = self.make()
        _load(module, state)
        return self._value(module)

    def _value(self, module: LightningModule, data: Any = None) -> float:
        seed_everything(0, workers=True, verbose=False)
        trainer = silent_trainer(self.settings)
        given = self.opened.given("selection", module) if data is None else nullcontext({"dataloaders": data})
        return validated(trainer, module, given)[self.monitor]


@contextmanager
def kept_weights(module: LightningModule) -> Iterator[None]:
    """Put the weights of a module back afterwards."""
    before = _copied(module)
    try:
        yield
    finally:
        _load(module, before)


def _copied(module: LightningModule) -> dict[str, Any]:
    state = module.state_dict()
    return {k: v.detach().cpu().clone() if isinstance(v, Tensor) else v for k, v in state.items()}


def _load(module: LightningModule, state: Mapping[str, Any]) -> None:
    module.load_state_dict(state)


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=_RELATIVE) or (math.isnan(first) and math.isnan(second))
