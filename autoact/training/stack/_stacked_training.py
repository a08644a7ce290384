"""Training of a stack: the loop that Lightning runs for one network, for all of them in step."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils import _pytree as pytree

from autoact import conversion
from autoact.nn import InPlace
from autoact.records import RowGroups
from autoact.spaces import Choice
from autoact.training._compat import at_progress, count_epochs, end_at_step, planned_steps
from autoact.training.data import DataParts
from autoact.training.fit import nbytes, save
from autoact.training.stack._logged_values import Metrics, Results, of_member
from autoact.training.stack._member import Member, NotStackable, unstackable
from autoact.training.stack._networks import Networks, stacked
from autoact.training.stack._one_network import OneNetwork
from autoact.training.stack._plain_twins import Twin
from autoact.training.stack._seeded import Seeded, Streams
from autoact.training.stack._stackable import check_datamodule, validates_with_hooks
from autoact.training.stack._stacked_optimizer import check_optimizer, clip, fill, fused_of, step_schedules
from autoact.training.stack._validations import Validations
from autoact.training.stack.rows import RowActivations, put_dropouts

_FETCHED = 2**24  # bytes of batches that are fetched at once
_CHECKED = 3  # steps that two members do as plain trainings, too


class StackedTraining(Callback):
    """Train a stack where a Trainer would begin to train the one module that it has been given.

    Args:
        make_module: Makes the model.
        data: Parts of the data.
        members: The trainings.
        validations: Do the validations.
        clock: By which steps and validations are timed.
    """

    def __init__(
        self,
        make_module: Callable[[], LightningModule],
        data: DataParts,
        members: Sequence[Member],
        validations: Validations,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.make_module, self.data, self.members = make_module, data, members
        self.validations = validations
        self.seeds = list(dict.fromkeys(member.seed for member in members))
        self.clock = clock
        self.step_seconds = list[float]()
        self.streams = Streams(len(self.seeds))
        self.seeded = list[Seeded]()
        self.step = 0
        self.planned = self.last = math.inf
        self.curve: list[Tensor] = []
        self.steps: list[int] = []
        self.metrics: Metrics = {}
        self.ended: dict[int, tuple[int, dict[str, float]]] = {}
        self.finals: Metrics | None = None
        self.compared: list[tuple[float, RowGroups] | None] = [None] * len(members)
        self.unsaved: str | None = None
        self._schedules = 0  # steps of schedules
        self._fused = list[Any]()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Do the training; the Trainer then finds nothing left to do."""
        last = trainer.max_steps
        self.trainer, self.planned = trainer, planned_steps(trainer)
        self.last = last if last >= 0 else math.inf
        self._begin(pl_module)
        self._train(trainer, self.last)
        self._end()
        end_at_step(trainer, trainer.global_step)

    # -- before the first step

    def _begin(self, module: LightningModule) -> None:
        trainer = self.trainer
        check_optimizer(trainer)
        check_datamodule(getattr(trainer, "datamodule", None))
        if not trainer.enable_validation:
            raise NotStackable("there is no validation")
        if not isinstance(trainer.num_training_batches, int):
            raise NotStackable("the data have no length")
        for number, seed in enumerate(self.seeds):
            self.streams.turn_to(number)
            self.seeded.append(Seeded(self.make_module, self.data, seed, trainer))
            self.streams.give(number, self.seeded[-1].own)
        places = [self.seeds.index(member.seed) for member in self.members]
        self.places = places
        own = len(self.seeds) == len(places) and places == list(range(len(places)))
        self.rows = None if own else torch.tensor(places, device=trainer.strategy.root_device)
        self.networks, self.twins = self._networks(module)
        optimizer = trainer.optimizers[0]
        self.twin_optimizers = [twin.optimizer_like(optimizer, module) for twin in self.twins]
        layers = [
            path for path, layer in self.networks.shape.named_modules() if isinstance(layer, RowActivations)
        ]
        self._fused = fused_of(optimizer)
        fill(optimizer, module, self.networks.parameters, layers)
        self.validations.at_once = not validates_with_hooks(module)

    def _networks(self, module: LightningModule) -> tuple[Networks | OneNetwork, list[Twin]]:
        first = self.members[0].assignment
        others = [i for i, member in enumerate(self.members) if member.assignment != first]
        chosen = sorted({0, others[-1] if others else len(self.members) - 1})
        twins = [self.twin(member) for member in chosen]
        self.batches = self._epoch()
        raw = next(self.batches)
        with unstackable("training_step"):
            changing, self._drops = twins[0].rehearse(raw[self.places[0]])
        self.batches = itertools.chain([raw], self.batches)
        if len(self.members) == 1:
            return OneNetwork(module, self.twin(0)), twins
        states = [self._state(seeded.module) for seeded in self.seeded]
        return Networks(self._shape(), [states[place] for place in self.places], changing), twins

    def twin(self, member: int) -> Twin:
        """Return a member as an ordinary module."""
        seeded = self.seeded[self.places[member]]
        return Twin(seeded.module, self.members[member].assignment, member, self.trainer)

    @staticmethod
    def _state(module: LightningModule) -> dict[str, Tensor]:
        return dict((*module.named_parameters(), *module.named_buffers()))

    def _shape(self) -> LightningModule:
        """Return a module whose layers hold the activations of all members."""
        shape = Twin(self.seeded[0].module, None, 0, self.trainer).module
        given = [member.assignment for member in self.members]
        assignments: list[Mapping[str, Choice]] = [each if each is not None else {} for each in given]
        paths = dict.fromkeys(path for assignment in assignments for path in assignment)

        def make(path: str, present: Choice, channel_dim: int, in_place: InPlace | None) -> RowActivations:
            choices = [assignment.get(path, present) for assignment in assignments]
            return RowActivations(choices, channel_dim=channel_dim, in_place=in_place)

        conversion.occupy(shape, paths, make)
        if self.trainer.strategy.root_device.type == "cpu":
            put_dropouts(shape, self._drawn)
        return shape

    def _drawn(self, draw: Callable[[], Tensor]) -> Tensor:
        found = self.streams.drawn(draw)
        return found if self.rows is None or len(found) == 1 else found.index_select(0, self.rows)

    # -- training

    def _epoch(self) -> Iterator[list[Any]]:
        """Yield the batches of an epoch, one for each seed."""
        iterators = []
        for number, seeded in enumerate(self.seeded):
            self.streams.turn_to(number)
            iterators.append(seeded.epoch())
        left, count = min(int(self.trainer.num_training_batches), self.last - self.step), 1
        while left > 0:
            found = self._next(iterators, int(min(count, left)))
            left -= len(found)
            yield from found
            count = self._ahead(found[0])

    def _next(self, iterators: Sequence[Iterator[Any]], count: int) -> list[list[Any]]:
        """Return so many batches, each one for each seed."""
        by_seed = []
        for number, iterator in enumerate(iterators):
            self.streams.turn_to(number)
            by_seed.append(list(itertools.islice(iterator, count)))
        if any(len(own) < count for own in by_seed):
            raise NotStackable("the data have fewer batches than they say")
        device = self.trainer.strategy.root_device
        return [[move_data_to_device(each, device) for each in raw] for raw in zip(*by_seed, strict=True)]

    def _ahead(self, raw: list[Any]) -> int:
        """Return how many batches to fetch at once: to turn from seed to seed takes as long as to fetch one.

        What a validation draws comes after all batches before it, what dropout draws between them.
        """
        between = self._drops or float(self.trainer.val_check_batch or 0) < self.trainer.num_training_batches
        if len(raw) == 1 or (between and not all(seeded.ordered_at_once() for seeded in self.seeded)):
            return 1
        return max(1, _FETCHED // max(nbytes(raw), 1))

    def _train(self, trainer: Trainer, last: float) -> None:
        epochs = (
            trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs >= 0 else math.inf
        )
        for epoch in itertools.takewhile(lambda each: each < epochs, itertools.count()):
            results, begun = Results("training"), self.clock()
            for number, raw in enumerate(self.batches):
                self._training_step(epoch, number, raw, results)
                self.step_seconds.append(self.clock() - begun)
                if number + 1 == trainer.num_training_batches:
                    self._schedules += step_schedules(trainer, "epoch", epoch)
                self.metrics |= results.of_step()
                if self._is_time_to_validate(epoch, number):
                    self._validate(epoch)
                begun = self.clock()
                if self.step >= last or len(self.ended) == len(self.members):
                    break
            self.metrics |= results.of_epoch()
            if self.step >= last or len(self.ended) == len(self.members):
                return
            self.batches = self._epoch()

    def _training_step(self, epoch: int, number: int, raw: list[Any], results: Results) -> None:
        trainer, networks, optimizer = self.trainer, self.networks, self.trainer.optimizers[0]
        at_progress(trainer, epoch, self.step)
        checked = self.step < _CHECKED
        if checked:
            self._follow_in_twins()
            begun = self.streams.kept()
        batch = stacked(raw, self.rows)
        with unstackable("training_step"):
            loss, logged = networks.training_step(batch, number)
            optimizer.zero_grad()
            loss.sum().backward()
        limit = trainer.gradient_clip_val
        by = trainer.gradient_clip_algorithm or "norm"
        clipped = (float(limit), str(by)) if limit else None
        if clipped:
            clip(optimizer, clipped[0], "norm" if clipped[1] == "norm" else "value", networks.size)
        optimizer.step()
        if checked:
            self._check_twins(raw, number, clipped, (loss.detach(), logged), begun)
        self.step += 1
        at_progress(trainer, epoch, self.step)
        self._schedules += step_schedules(trainer, "step", number)
        results.add(logged, batch.first)

    # -- checks

    def _follow_in_twins(self) -> None:
        for twin, own in zip(self.twins, self.twin_optimizers, strict=True):
            twin.load(self.networks)
            for group, ours in zip(own.param_groups, self.trainer.optimizers[0].param_groups, strict=True):
                group |= {key: value for key, value in ours.items() if key not in ("params", "fused")}

    def _check_twins(self, raw: list[Any], number: int, clipped: Any, made: Any, begun: Any) -> None:
        drawn = self.streams.kept()
        for twin, own in zip(self.twins, self.twin_optimizers, strict=True):
            self.streams.put_back(begun)
            self.streams.turn_to(self.places[twin.member])
            step = twin.step(raw[self.places[twin.member]], number, clipped, own)
            where = twin.differs(self.networks, step, *made)
            if where:
                raise NotStackable(f"the stack differs from plain trainings {where}")
        self.streams.put_back(drawn)

    # -- validation

    def _is_time_to_validate(self, epoch: int, number: int) -> bool:
        trainer = self.trainer
        every = trainer.check_val_every_n_epoch
        if every is not None and (epoch + 1) % every:
            return False
        between = float(trainer.val_check_batch or math.inf)
        if between == math.inf:
            return number + 1 == trainer.num_training_batches
        done = self.step if every is None else number + 1
        return done % between == 0

    def _validate(self, epoch: int) -> None:
        self.trainer.validating = True
        found = self.validations.of(self)
        self.trainer.training = True
        at_progress(self.trainer, epoch, self.step)
        self.metrics |= found
        self._record(found)

    def _record(self, found: Metrics) -> None:
        values = found[self.validations.monitor].expand(len(self.members))
        self.curve.append(values.cpu())
        self.steps.append(self.step)
        if bool(values.isfinite().all()):
            return
        finite = self.networks.finite().tolist()
        for member, value in enumerate(values.tolist()):
            if not math.isfinite(value) and not finite[member] and member not in self.ended:
                self.ended[member] = len(self.steps), of_member(self.metrics, member)

    # -- after the last step

    def _end(self) -> None:
        at_progress(self.trainer, self.trainer.current_epoch + 1, self.step)  # as a fit that has ended says
        self.trainer.validating = True
        if self.steps[-1:] != [self.step]:
            self.finals = self.validations.of(self)
        if any(member.comparison for member in self.members):
            self.compared = self.validations.compared(self)
        self.trainer.training = True

    def save(self, path: Path) -> None:
        """Save a stack of one as Lightning saves a fit of whole epochs; `unsaved` says why it could not.

        Args:
            path: The file.

        Raises:
            NotStackable: It has diverged within an epoch, or a loader of the data has a state.
        """
        trainer, batches = self.trainer, int(self.trainer.num_training_batches)
        if self.step % batches:
            raise NotStackable("what ends within an epoch is saved by Lightning")
        if any(hasattr(loader, "state_dict") for loader in pytree.tree_leaves(trainer.train_dataloader)):
            raise NotStackable("loaders that have a state are saved by Lightning")
        for group, fused in zip(trainer.optimizers[0].param_groups, self._fused, strict=True):
            group |= {"fused": fused} if "fused" in group else {}
        count_epochs(trainer, self.step // batches, batches, self._schedules)
        self.unsaved = save(trainer, path)
