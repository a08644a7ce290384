"""Data as one training uses them: loaders, a data module, or the loaders of the model that is trained."""

import copy
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, Protocol

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

from autoact.errors import DataError
from autoact.training._compat import replaced, restored_randomness, silence
from autoact.training.data._halves import halve
from autoact.training.data._own_loaders import OwnLoaders
from autoact.training.data._random_states import random_state, set_random_state

Part = Literal["training", "selection", "comparison"]


class TrainerData(Protocol):
    """Data as the calls of a Trainer get them."""

    def given(self, part: Part, module: LightningModule) -> AbstractContextManager[dict[str, Any]]:
        """Give the arguments of `Trainer.fit`, or of `Trainer.validate` on one of the other parts."""


class Opened(ABC):
    """Data as one training uses them."""

    @abstractmethod
    def loaders(self, trainer: Trainer | None = None) -> tuple[Any, Any]:
        """Return the loaders for training and selection, made without a training.

        Args:
            trainer: What a data module or model finds as its `trainer`, if it has none; None: one with
                defaults.
        """

    @abstractmethod
    def comparison(self) -> Any:
        """Return the loader for the comparison; a rehearsal makes no test loader."""

    @abstractmethod
    def given(
        self, part: Part, module: LightningModule, batches: Any = None
    ) -> AbstractContextManager[dict[str, Any]]:
        """Give the arguments of `Trainer.fit`, or of `Trainer.validate` on one of the other parts.

        The loaders that a data module or model makes itself are replaced meanwhile.

        Args:
            part: Of the data.
            module: That the Trainer gets.
            batches: A loader to train on instead.
        """


class OpenLoaders(Opened):
    """Loaders as one training uses them."""

    def __init__(self, loaders: tuple[Any, ...], seed: int, *, rehearsed: bool = False) -> None:
        self._train, validation = _require(loaders[0], "training"), loaders[1]
        test = loaders[2] if len(loaders) == 3 else None
        _require(validation, "validation")
        self._selection, self._comparison = (
            (validation, test) if test is not None else halve(validation, seed)
        )
        if rehearsed:
            self._comparison = _shaped(self._selection, self._comparison)

    def loaders(self, trainer: Trainer | None = None) -> tuple[Any, Any]:
        return self._train, self._selection

    def comparison(self) -> Any:
        return self._comparison

    @contextmanager
    def given(self, part: Part, module: LightningModule, batches: Any = None) -> Iterator[dict[str, Any]]:
        if part == "training":
            train = self._train if batches is None else batches
            yield {"train_dataloaders": train, "val_dataloaders": self._selection}
        else:
            yield {"dataloaders": self._selection if part == "selection" else self._comparison}


class _Holder(Opened):
    """Whatever makes loaders in methods: its validation loader is replaced where the parts ask for it.

    The data are divided once per training, by the first `setup`: one that divides them anew each time still
    never validates or compares on rows that it trained on.
    """

    def __init__(self, seed: int, *, tested: bool, rehearsed: bool) -> None:
        self._seed, self._tested, self._rehearsed = seed, tested, rehearsed
        self._selection: Any = None
        self._comparison: Any = None
        self._begun = random_state()

    def comparison(self) -> Any:
        if self._rehearsed:
            return self._selection
        if not self._tested:
            return self._comparison
        with self._again("test") as holder:
            return _require(holder.test_dataloader(), "test")

    @contextmanager
    def _again(self, stage: str) -> Iterator[Any]:
        """Give what makes loaders, set up once more: what it divides at random is divided as before."""
        with restored_randomness(), self._apart() as holder:
            set_random_state(self._begun)
            holder.setup(stage)
            yield holder

    @abstractmethod
    def _apart(self) -> AbstractContextManager[Any]:
        """Give what makes loaders, so that `setup` changes nothing else."""

    @contextmanager
    def _replaced(self, holder: Any, part: Part, batches: Any) -> Iterator[None]:
        validation = holder.val_dataloader
        known = self.comparison() if part == "comparison" else self._selection
        put: dict[str, Any] = {"val_dataloader": lambda: known, "setup": _nothing, "teardown": _nothing}
        if known is None and part != "comparison":
            self._begun = random_state()
            put = {"val_dataloader": lambda: self._select(validation())}
        elif part == "training":  # `teardown` may have taken the data away
            with self._again("fit") as again:
                train = again.train_dataloader()
            put["train_dataloader"] = lambda: train
        if batches is not None:
            put["train_dataloader"] = lambda: batches
        with replaced(holder, **put):
            yield

    def _set_up(self, holder: Any) -> tuple[Any, Any]:
        holder.prepare_data()
        self._begun = random_state()
        holder.setup("fit")
        train = _require(holder.train_dataloader(), "training")
        return train, self._select(holder.val_dataloader())

    def _select(self, validation: Any) -> Any:
        _require(validation, "validation")
        if self._tested:
            self._selection = validation
        else:
            self._selection, self._comparison = halve(validation, self._seed)
        return self._selection


class OpenModule(_Holder):
    """A data module as one training uses it."""

    def __init__(
        self, module: LightningDataModule, seed: int, *, tested: bool, rehearsed: bool = False
    ) -> None:
        super().__init__(seed, tested=tested, rehearsed=rehearsed)
        self.module = module

    def loaders(self, trainer: Trainer | None = None) -> tuple[Any, Any]:
        if self.module.trainer is None:
            self.module.trainer = trainer or _default_trainer()
        return self._set_up(self.module)

    def _apart(self) -> AbstractContextManager[Any]:
        return nullcontext(self.module)

    @contextmanager
    def given(self, part: Part, module: LightningModule, batches: Any = None) -> Iterator[dict[str, Any]]:
        with self._replaced(self.module, part, batches):
            yield {"datamodule": self.module}


class OpenModel(_Holder):
    """The loaders of the model that is trained, as one training uses them."""

    def __init__(self, own: OwnLoaders, seed: int, *, tested: bool, rehearsed: bool = False) -> None:
        super().__init__(seed, tested=tested, rehearsed=rehearsed)
        self._own = own
        self._trained: LightningModule | None = None

    def loaders(self, trainer: Trainer | None = None) -> tuple[Any, Any]:
        self._trained = module = self._own.make_module()
        module.trainer = trainer or _default_trainer()
        return self._set_up(module)

    @contextmanager
    def _apart(self) -> Iterator[LightningModule]:
        assert self._trained is not None, "comparison data are those of a training"
        module = _shell(self._trained)
        if not _has_trainer(module):
            module.trainer = _default_trainer()
        with _kept_values(module):
            yield module

    @contextmanager
    def given(self, part: Part, module: LightningModule, batches: Any = None) -> Iterator[dict[str, Any]]:
        if part == "training":
            self._trained = module
        with self._replaced(module, part, batches):
            yield {}


def _nothing(stage: str) -> None:
    """Neither set up nor tear down what is known."""


def _shell(module: LightningModule) -> LightningModule:
    """Return a module that shares everything with another, and may be given other layers."""
    shell = copy.copy(module)
    for name in ("_modules", "_parameters", "_buffers"):
        vars(shell)[name] = dict(vars(module)[name])
    return shell


@contextmanager
def _kept_values(module: LightningModule) -> Iterator[None]:
    """Put the values of a module's present layers back afterwards."""
    present = list(itertools.chain(module.parameters(), module.buffers()))
    values = [each.detach().clone() for each in present]
    try:
        yield
    finally:
        with torch.no_grad():
            for each, value in zip(present, values, strict=True):
                each.copy_(value)


def _has_trainer(module: LightningModule) -> bool:
    try:
        return bool(module.trainer)
    except RuntimeError:  # what Lightning raises where there is none
        return False


def _shaped(loaders: Any, like: Any) -> Any:
    """Return as many loaders as others are, of the same names; each is one of those given."""
    if isinstance(loaders, Mapping):
        loaders = list(loaders.values())
    if isinstance(like, Mapping):
        return dict(zip(like, _shaped(loaders, list(like.values())), strict=True))
    given = loaders if isinstance(loaders, list | tuple) else [loaders]
    if isinstance(like, list | tuple):
        return [given[place % len(given)] for place in range(len(like))]
    return given[0]


def _default_trainer() -> Trainer:
    with silence():
        return Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)


def _require(loader: Any, part: str) -> Any:
    if loader is None or (isinstance(loader, list | tuple | dict) and not loader):
        raise DataError(f"There are no {part} data: the {part} loader is missing or empty.")
    return loader
