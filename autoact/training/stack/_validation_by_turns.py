"""Validation network by network, by Lightning: for steps that cannot run for a whole stack."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer
from torchmetrics import Metric

from autoact.training._compat import at_progress
from autoact.training.fit import Run, silent_trainer, validated
from autoact.training.stack._logged_values import Metrics
from autoact.training.stack._plain_twins import Twin
from autoact.training.stack._seeded import random_state, set_random_state

if TYPE_CHECKING:
    from autoact.training.stack._stacked_training import StackedTraining


class ByTurns:
    """Ordinary modules of the members of a stack, validated one after another.

    Args:
        given: The user's arguments of the Trainer.
        root: Directory for whatever is written.
        monitor: Name of the value that counts.
    """

    def __init__(self, given: Mapping[str, Any], root: str, monitor: str) -> None:
        self._given, self._root = given, root
        self.run = Run(monitor, 1.0, None)
        self._trainer: Trainer | None = None
        self._twins = list[Twin]()

    def validated(self, stack: "StackedTraining", part: Any) -> Metrics:
        """Return what the validation of every member logs.

        Args:
            stack: The stack.
            part: "selection" or "comparison".
        """
        if self._trainer is None:
            self._trainer = silent_trainer(self._given, root=self._root)
            self._twins = [stack._twin(member) for member in range(len(stack.members))]
        at_progress(self._trainer, stack.trainer.current_epoch, stack.step)
        found = [self._of_member(stack, twin, part, self._trainer) for twin in self._twins]
        device = stack.trainer.strategy.root_device
        return {
            name: torch.tensor([metrics[name] for metrics in found], dtype=torch.float64, device=device)
            for name in found[0]
        }

    def _of_member(
        self, stack: "StackedTraining", twin: Twin, part: Any, trainer: Trainer
    ) -> dict[str, float]:
        place = stack.places[twin.member]
        seeded = stack.seeded[place]
        stack.streams.turn_to(place)
        before = random_state(seeded.own)
        twin.module.to(trainer.strategy.root_device)
        twin.load(stack.networks)
        if part == "comparison":
            for module in twin.module.modules():
                if isinstance(module, Metric):
                    module.reset()
        found = validated(trainer, twin.module, seeded.given(part))
        if any(other.member > twin.member and stack.places[other.member] == place for other in self._twins):
            set_random_state(before, seeded.own)  # the next member of this seed sees the same
        return found
