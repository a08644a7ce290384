"""Beginnings of a stack: for each seed the model and the data that a plain training of it would have."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Any

import torch
from lightning.fabric.utilities.seed import pl_worker_init_function
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch import Tensor
from torch.utils.data import DataLoader

from autoact.training._compat_batches import ordered_at_once
from autoact.training.data import (
    DataParts,
    Part,
    follows,
    generators,
    random_state,
    set_random_state,
)
from autoact.training.fit import reseed, second_seed
from autoact.training.stack._member import NotStackable


class Streams:
    """Random states that take turns: one for each seed, all others untouched meanwhile.

    Args:
        count: How many.

    Example:
        >>> streams = Streams(2)
        >>> drawn = []
        >>> for turn in (0, 1, 0, 1):
        ...     streams.turn_to(turn)
        ...     _ = torch.manual_seed(3) if len(drawn) < 2 else None
        ...     drawn.append(float(torch.rand(())))
        >>> drawn[2] == drawn[3] != drawn[0] == drawn[1]
        True
    """

    def __init__(self, count: int) -> None:
        self._states: list[tuple[Any, ...] | None] = [None] * count
        self._own: list[list[torch.Generator]] = [[] for _ in range(count)]
        self._current = 0

    def give(self, index: int, own: list[torch.Generator]) -> None:
        """Let generators of data belong to one stream; several may share them."""
        self._own[index] = own

    def turn_to(self, index: int) -> None:
        """Let what is drawn from now on come from one stream."""
        if index == self._current:
            return
        self._states[self._current] = random_state(self._own[self._current])
        state = self._states[index]
        if state is not None:
            set_random_state(state, self._own[index])
        self._current = index

    def drawn(self, draw: Callable[[], Tensor]) -> Tensor:
        """Return what is drawn from torch's random numbers of every stream, (streams, ...)."""
        found, here = list[Tensor](), None
        for index, state in enumerate(self._states):
            if index == self._current:
                if here is not None:
                    torch.set_rng_state(here)
                found.append(draw())
                here = torch.get_rng_state()
                continue
            assert state is not None, "every stream has begun"
            here = torch.get_rng_state() if here is None else here
            torch.set_rng_state(state[2])
            found.append(draw())
            self._states[index] = *state[:2], torch.get_rng_state(), state[3]
        if here is not None:
            torch.set_rng_state(here)
        return torch.stack(found)

    def kept(self) -> list[tuple[Any, ...] | None]:
        """Return the states of all streams."""
        states = list(self._states)
        states[self._current] = random_state(self._own[self._current])
        return states

    def put_back(self, kept: list[tuple[Any, ...] | None]) -> None:
        """Let all streams be as they were when `kept` returned their states."""
        self._states = list(kept)
        state = kept[self._current]
        assert state is not None
        set_random_state(state, self._own[self._current])


class Seeded:
    """Model and data of one seed, made in the order in which `train` and Lightning make them.

    Args:
        make_module: Makes the model.
        data: Parts of the data.
        seed: Of the training.
        trainer: That a training of this kind has; it fits.
    """

    def __init__(
        self, make_module: Callable[[], LightningModule], data: DataParts, seed: int, trainer: Trainer
    ) -> None:
        seed_everything(seed, workers=True, verbose=False)
        self.opened = data.open()
        self.module = make_module()
        seed_everything(second_seed(seed), workers=True, verbose=False)
        self.trainer = trainer
        with self.given("training", self.module) as arguments:
            self.own = list(generators(arguments.values()))
            reseed(arguments.values(), seed)
            self._set_up(arguments)
        self.module.trainer = None
        self.module.to(trainer.strategy.root_device)

    def _set_up(self, arguments: Mapping[str, Any]) -> None:
        """Do what `Trainer.fit` does, in its order: random numbers are drawn on the way."""
        datamodule = arguments.get("datamodule")
        holders = [holder for holder in (datamodule, self.module) if holder is not None]
        for holder in holders:
            holder.trainer = self.trainer
        for holder in holders:
            holder.prepare_data()
        if datamodule is not None:
            datamodule.setup("fit")
        # a recorder asks for the length before the module makes layers, unless it makes the loaders, too
        early = self.trainer.max_epochs != -1 and bool(arguments)
        if early:
            self._load(arguments)
        self.module.setup("fit")
        self.module.configure_model()
        if not early:
            self._load(arguments)
        holder = self._holder(arguments)
        validation = arguments["val_dataloaders"] if holder is None else holder.val_dataloader()
        self.selection = _combined(validation, "sequential")
        if holder is self.module and follows([self._train, self.selection], self.module):
            kind = type(self.module).__name__
            raise NotStackable(f"the data that {kind} loads depend on the model itself")
        self.own += list(generators([*self._train.flattened, *self.selection.flattened]))

    def _holder(self, arguments: Mapping[str, Any]) -> Any:
        """Return what makes the loaders; None where they are given."""
        return arguments.get("datamodule") if arguments else self.module

    def _load(self, arguments: Mapping[str, Any]) -> None:
        holder = self._holder(arguments)
        train = arguments["train_dataloaders"] if holder is None else holder.train_dataloader()
        self._train = _combined(train, "max_size_cycle")
        self._begun: Iterator[Any] | None = iter(self._train)

    def epoch(self) -> Iterator[Any]:
        """Return the training batches of the next epoch."""
        begun, self._begun = self._begun or iter(self._train), None
        return map(itemgetter(0), _Begun(begun))

    def ordered_at_once(self) -> bool:
        """Tell whether an epoch is the same, whatever is drawn between its batches."""
        loaders = self._train.flattened
        return len(loaders) == 1 and ordered_at_once(loaders[0])

    @contextmanager
    def given(self, part: Part, module: LightningModule) -> Iterator[dict[str, Any]]:
        """Give what the `given` of the data gives; a data module may be one object for all seeds.

        Args:
            part: Of the data.
            module: That the Trainer gets.
        """
        held = vars(getattr(self.opened, "module", self))
        around = held.pop("val_dataloader", None)  # of the fit in which the stack trains
        try:
            with self.opened.given(part, module) as arguments:
                yield arguments
        finally:
            if around is not None:
                held["val_dataloader"] = around


class _Begun:
    """An iterator that does not begin again: to begin a loader draws a random number."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._iterator)


def _combined(loaders: Any, mode: Any) -> CombinedLoader:
    combined = loaders if isinstance(loaders, CombinedLoader) else CombinedLoader(loaders, mode)
    for loader in combined.flattened:
        if not isinstance(loader, DataLoader):
            raise NotStackable(f"the data come from a {type(loader).__name__}, which is no DataLoader")
        for sampler in (loader.sampler, loader.batch_sampler):
            if callable(getattr(sampler, "set_epoch", None)):
                raise NotStackable(f"{type(sampler).__name__} of the data wants to know the epoch")
        if loader.num_workers and loader.worker_init_fn is None:
            loader.worker_init_fn = partial(pl_worker_init_function, rank=0)
    return combined
