"""Validations of a stack: of all networks at once, or where steps cannot do that one by one by Lightning."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.data import extract_batch_size

from autoact.errors import log
from autoact.records import RowGroups
from autoact.training._compat import at_progress
from autoact.training.data import random_state, set_random_state
from autoact.training.fit import (
    MOST_BYTES,
    Batches,
    LoggedValues,
    RowValues,
    Run,
    nbytes,
    silent_trainer,
    validated,
)
from autoact.training.stack._logged_values import Logged, Metrics, Results, of_member
from autoact.training.stack._member import NotAtOnce, NotStackable, unstackable
from autoact.training.stack._networks import StackedBatch, stacked
from autoact.training.stack._plain_twins import Twin
from autoact.training.stack._seeded import Seeded

if TYPE_CHECKING:
    from autoact.training.stack._stacked_training import StackedTraining


_LARGER = 2  # times a batch that was validated at once: more may not fit into memory


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
        self._largest = 0  # bytes of a batch that was validated at once
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
            try:
                return self._together(stack)
            except NotAtOnce as reason:  # what a plain training raises is raised one by one, too
                if kept is None:
                    raise
                log.debug("networks of a stack are validated one by one: %s", reason)
            stack.streams.put_back(kept)
            self.at_once = False
        with unstackable():
            return self._by_turns(stack)

    # -- all networks at once

    def _together(self, stack: "StackedTraining") -> Metrics:
        """Return what all log.

        Raises:
            NotAtOnce: Steps cannot be done at once.
        """
        loaders = _loaders(stack)
        several = len(loaders[0].flattened) > 1
        results = Results("validation")
        for raw, number, loader in _batches(stack, loaders):
            index = loader if several else None
            batch, logged = _step(stack, raw, number, index, None if self._checked else raw)
            self._largest = max(self._largest, nbytes(batch.first))
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
        within = nullcontext({"dataloaders": self._seeded(stack, stack.places[twin.member]).selection})
        return validated(self._plain_trainer(stack), twin.module, within)

    # -- comparison

    def compared(self, stack: "StackedTraining") -> list[tuple[float, RowGroups] | None]:
        """Return what `Run.compare` does of each member that asks for it.

        Where validations are done at once, Lightning loads the data once for each seed, not for each network.

        Args:
            stack: The stack, trained.
        """
        asking = [place for place, each in enumerate(stack.members) if each.comparison]
        made = self._compared(stack, asking)
        found: list[tuple[float, RowGroups] | None] = [None] * len(stack.members)
        for member, each in zip(asking, made, strict=True):
            found[member] = each
        return found

    def _compared(self, stack: "StackedTraining", asking: Sequence[int]) -> list[tuple[float, RowGroups]]:
        if self.at_once and len(asking) > 1:
            try:
                return self._compared_together(stack, asking)
            except (NotStackable, torch.OutOfMemoryError) as reason:
                log.debug("networks of a stack are compared one by one: %s", reason)
        return self._compared_by_turns(stack, asking)

    def _compared_by_turns(
        self, stack: "StackedTraining", asking: Sequence[int]
    ) -> list[tuple[float, RowGroups]]:
        found = []
        for member in asking:
            twin, seeded = self._twin(stack, member), self._seeded(stack, stack.places[member])
            found.append(self.run.compare(self._plain_trainer(stack), twin.module, seeded))
        return found

    def _compared_together(
        self, stack: "StackedTraining", asking: Sequence[int]
    ) -> list[tuple[float, RowGroups]]:
        """Return what all log.

        Raises:
            NotStackable: It has to be done by turns.
        """
        recorded = self._recorded(stack, asking)
        with _seen_from(stack, self._plain_trainer(stack)):
            values, metrics = _logged(stack, recorded, self.monitor)
        of_members = [(member, self.run.among(of_member(metrics, member))) for member in asking]
        batches = [recorded[place] for place in stack.places]
        return [(value, values.groups(value, batches[member], member)) for member, value in of_members]

    def _recorded(self, stack: "StackedTraining", asking: Sequence[int]) -> list[Batches]:
        """Return the comparison batches of each seed, or of another one where nobody asks for them.

        Raises:
            NotStackable: They are too large, or nothing that networks and seeds may share.
        """
        found = dict[int, Batches]()
        first, trainer = Batches(), self._plain_trainer(stack)
        module = self._twin(stack, asking[0]).module
        for place in dict.fromkeys(stack.places[member] for member in asking):
            found[place] = own = Batches(first.kept)
            first = first if first.kept else own
            self.run.record(trainer, module, self._seeded(stack, place), own)
            _check_batches(own, first)
            total = first.nbytes + sum(each.nbytes for each in found.values() if not each.shares(first))
            if total > MOST_BYTES or max(map(nbytes, own.kept)) > _LARGER * self._largest:
                raise NotStackable("the comparison data are too large")
        return [found.get(place, first) for place in range(len(stack.seeds))]

    # -- ordinary modules

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

    def _seeded(self, stack: "StackedTraining", place: int) -> Seeded:
        """Return the data of a seed; all its members see the same random numbers."""
        seeded = stack.seeded[place]
        stack.streams.turn_to(place)
        key = place, len(self.seconds), stack.step
        if self._begun.get(place, (None, None))[0] != key:
            self._begun[place] = key, random_state(seeded.own)
        else:
            set_random_state(self._begun[place][1], seeded.own)
        return seeded


@contextmanager
def _seen_from(stack: "StackedTraining", trainer: Trainer) -> Iterator[None]:
    """Let steps find the Trainer that has loaded their data."""
    modules = [stack.networks.shape, *(twin.module for twin in stack.twins)]
    trainer.validating = True
    try:
        for module in modules:
            module.trainer = trainer
        yield
    finally:
        trainer.validating = False
        for module in modules:
            module.trainer = stack.trainer


def _check_batches(batches: Batches, like: Batches) -> None:
    """Refuse comparison batches that networks cannot share.

    Raises:
        NotStackable: Says why.
    """
    if batches.several:
        raise NotStackable("there are several comparison loaders")
    if not batches.count:
        raise NotStackable("there are no comparison data")
    if not batches.plain:
        raise NotStackable("comparison batches hold objects that steps may change")
    if not batches.complete:
        raise NotStackable("the comparison data are too large")
    if batches.count != like.count:
        raise NotStackable("the comparison data of two seeds differ in length")


def _step(
    stack: "StackedTraining",
    raw: Sequence[Any],
    number: int,
    loader: int | None,
    checked: Sequence[Any] | None,
) -> tuple[StackedBatch, list[Logged]]:
    """Validate a batch with all networks at once.

    Args:
        stack: The stack.
        raw: The batch of each seed; a single one is that of all.
        number: Of the batch.
        loader: Its number, where there are several.
        checked: The batch of each seed, on which twins have to log the same; None does not ask them.

    Returns:
        The batch, and what all log.

    Raises:
        NotAtOnce: That cannot be done.
    """
    batch = stacked(raw, stack.rows)
    try:
        with unstackable("validation_step"):
            logged = stack.networks.validation_step(batch, number, loader)
            if checked is not None and not _twins_agree(stack, checked, number, loader, logged):
                raise NotStackable("plain twins log something else, or change more than they log")
    except NotStackable as reason:
        raise NotAtOnce(str(reason)) from reason
    return batch, logged


def _logged(stack: "StackedTraining", recorded: Sequence[Batches], monitor: str) -> tuple[RowValues, Metrics]:
    """Return what all networks log of batches, and where that tells more of their parts; and the metrics.

    Raises:
        NotStackable: That cannot be done at once.
    """
    values, results = RowValues(monitor), Results("validation")
    shared = all(each.shares(recorded[0]) for each in recorded)
    distinct = recorded[:1] if shared else recorded

    def step(raw: Sequence[Any], number: int, into: LoggedValues, rows: Callable[[], int]) -> list[Logged]:
        device = stack.trainer.strategy.root_device
        moved = [move_data_to_device(each, device) for each in raw]
        of_seeds = moved * (len(recorded) // len(distinct))
        _, logged = _step(stack, moved, number, None, None if into.count else of_seeds)
        into.add([(each.value.cpu(), each.batch_size) for each in logged if each.name in values.names], rows)
        return logged

    for number, raw in enumerate(zip(*(each.kept for each in distinct), strict=True)):
        results.add(step(raw, number, values.whole, partial(extract_batch_size, raw[0])), raw[0])
    if values.wants_parts(recorded[0]):
        for parts in zip(*(each.parts() for each in distinct), strict=True):
            number, _, rows = parts[0]
            step([part for _, part, _ in parts], number, values.parts, partial(int, rows))
    return values, results.of_epoch()


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
    stack: "StackedTraining", raw: Sequence[Any], number: int, loader: int | None, logged: Any
) -> bool:
    """Tell whether twins log the same of one batch, and do nothing else."""
    for twin in stack.twins:
        twin.load(stack.networks)
        calls, changed = twin.validate(raw[stack.places[twin.member]], number, loader)
        if changed or not twin.logs_alike(calls, logged):
            return False
    return True
