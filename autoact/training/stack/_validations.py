"""Validations of a stack: of all networks at once, or where steps cannot do that one by one by Lightning."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from autoact.records import RowGroups
from autoact.training._compat import at_progress
from autoact.training.fit import Run, silent_trainer, validated
from autoact.training.stack._logged_values import Metrics, Results
from autoact.training.stack._member import NotStackable, unstackable
from autoact.training.stack._networks import stacked
from autoact.training.stack._plain_twins import Twin
from autoact.training.stack._seeded import Seeded, random_state, set_random_state

if TYPE_CHECKING:
    from autoact.training.stack._stacked_training import StackedTraining


class Validations:
    """Validations of the members of a stack.

    The first batch is validated by plain twins as well: if they log anything else, or change more than they
    log, all validations are done network by network.

    Args:
        given: The user's arguments of the Trainer.
        root: Directory for whatever is written.
        monitor: Name of the value that counts.
    """

    def __init__(self, given: Mapping[str, Any], root: str, monitor: str) -> None:
        self._given, self._root, self.monitor = given, root, monitor
        self.run = Run(monitor, 1.0, None)
        self.at_once = True
        self.seconds = list[float]()
        self._checked = False
        self._trainer: Trainer | None = None
        self._twins = dict[int, Twin]()
        self._begun = dict[int, tuple[Any, Any]]()

    def of(self, stack: "StackedTraining") -> Metrics:
        """Return what the validation of every member logs.

        Args:
            stack: The stack.

        Raises:
            NotStackable: The monitored value is not among it.
        """
        begun = stack.clock()
        found = self._either_way(stack)
        self.seconds.append(stack.clock() - begun)
        if self.monitor not in found:
            raise NotStackable(f"the validation logs no {self.monitor!r}")
        return found

    def _either_way(self, stack: "StackedTraining") -> Metrics:
        if self.at_once:
            kept = None if self._checked else stack.streams.kept()
            with unstackable("validation_step"):
                try:
                    found = self._together(stack)
                except (torch.OutOfMemoryError, NotStackable):
                    raise
                except Exception:
                    if kept is None:
                        raise
                    found = None  # one by one then; what a plain training raises is raised there, too
            if found is not None:
                return found
            assert kept is not None
            stack.streams.put_back(kept)
            self.at_once = False
        with unstackable():
            return self._by_turns(stack)

    # -- all networks at once

    def _together(self, stack: "StackedTraining") -> Metrics | None:
        """Return what all log; None if twins disagree."""
        loaders = _loaders(stack)
        several = len(loaders[0].flattened) > 1
        results = Results("validation")
        for raw, number, loader in _batches(stack, loaders):
            batch = stacked(raw, stack.rows)
            index = loader if several else None
            logged = stack.networks.validation_step(batch, number, index)
            if not self._checked and not _twins_agree(stack, raw, number, index, logged):
                return None
            self._checked = True
            results.add(logged, batch.first, index)
        return results.of_epoch()

    # -- network by network

    def _by_turns(self, stack: "StackedTraining") -> Metrics:
        found = [self._of_twin(stack, self._twin(stack, member)) for member in range(len(stack.members))]
        device = stack.trainer.strategy.root_device
        return {
            name: torch.tensor([row[name] for row in found], dtype=torch.float64, device=device)
            for name in found[0]
        }

    def _of_twin(self, stack: "StackedTraining", twin: Twin) -> dict[str, float]:
        # within a fit no hook of a data module runs before a validation
        within = nullcontext({"dataloaders": self._seeded(stack, twin).selection})
        return validated(self._plain_trainer(stack), twin.module, within)

    def compared(self, stack: "StackedTraining") -> list[tuple[float, RowGroups] | None]:
        """Return what `Run.compare` does of each member that asks for it, one by one.

        Args:
            stack: The stack, trained.
        """
        found: list[tuple[float, RowGroups] | None] = [None] * len(stack.members)
        for member in [place for place, each in enumerate(stack.members) if each.comparison]:
            twin = self._twin(stack, member)
            seeded: Any = self._seeded(stack, twin)
            found[member] = self.run.compare(self._plain_trainer(stack), twin.module, seeded)
        return found

    def _plain_trainer(self, stack: "StackedTraining") -> Trainer:
        if self._trainer is None:
            self._trainer = silent_trainer(self._given, root=self._root)
        at_progress(self._trainer, stack.trainer.current_epoch, stack.step)
        return self._trainer

    def _twin(self, stack: "StackedTraining", member: int) -> Twin:
        """Return a member as an ordinary module in its state of now; the same module every time."""
        if member not in self._twins:
            self._twins[member] = stack.twin(member)
        twin = self._twins[member]
        twin.module.to(stack.trainer.strategy.root_device)
        twin.load(stack.networks)
        return twin

    def _seeded(self, stack: "StackedTraining", twin: Twin) -> Seeded:
        """Return the data of a member; all members of a seed see the same random numbers."""
        place = stack.places[twin.member]
        seeded = stack.seeded[place]
        stack.streams.turn_to(place)
        key = place, len(self.seconds), stack.step
        if self._begun.get(place, (None, None))[0] != key:
            self._begun[place] = key, random_state(seeded.own)
        else:
            set_random_state(self._begun[place][1], seeded.own)
        return seeded


def _loaders(stack: "StackedTraining") -> list[CombinedLoader]:
    found = []
    for number, seeded in enumerate(stack.seeded):
        stack.streams.turn_to(number)
        found.append(seeded.selection)
    return found


def _batches(
    stack: "StackedTraining", loaders: Sequence[CombinedLoader]
) -> Iterator[tuple[list[Any], int, int]]:
    """Yield the batches of all seeds with their number and that of their loader."""
    limit, device = stack.trainer.limit_val_batches, stack.trainer.strategy.root_device
    iterators = []
    for number, combined in enumerate(loaders):
        stack.streams.turn_to(number)
        combined.limits = [_limited(len(loader), limit) for loader in combined.flattened]
        iterators.append(iter(combined))
    while True:
        found = []
        for number, iterator in enumerate(iterators):
            stack.streams.turn_to(number)
            found.append(next(iterator, None))
        if all(each is None for each in found):
            return
        if any(each is None for each in found):
            raise NotStackable("the validation data of two seeds differ in length")
        raw = [move_data_to_device(each[0], device) for each in found if each is not None]
        assert found[0] is not None
        yield raw, found[0][1], found[0][2]


def _limited(length: int, limit: float) -> int:
    return min(length, limit) if isinstance(limit, int) else int(length * limit)


def _twins_agree(
    stack: "StackedTraining", raw: list[Any], number: int, loader: int | None, logged: Any
) -> bool:
    """Tell whether twins log the same of one batch, and do nothing else."""
    for twin in stack.twins:
        twin.load(stack.networks)
        calls, changed = twin.validate(raw[stack.places[twin.member]], number, loader)
        if changed or not twin.logs_alike(calls, logged):
            return False
    return True
