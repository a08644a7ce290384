"""Parts of the data: training, selection (guides a search), comparison (has chosen nothing)."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader

from autoact.errors import ConfigurationError, DataError, counted
from autoact.training._compat import silence
from autoact.training.data._halves import halve

Data = LightningDataModule | Callable[[], LightningDataModule] | tuple[Any, ...] | list[Any]
Part = Literal["training", "selection", "comparison"]
Source = Literal["test loader", "half of the validation data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParts:
    """A user's data and the seed that divides them; pickles whenever the data do.

    Nothing is loaded before a part is asked for, and the
    test loader is made only for the comparison.

    Attributes:
        data: A data module, a callable that makes one, or loaders (train, validation[, test]).
        seed: Seed that divides the validation data.
        source: Where the comparison data come from.
        rehearsed: Whether selection data stand in for comparison data.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> loaders = (DataLoader([1.0, 2.0]), DataLoader([3.0]), DataLoader([4.0, 5.0, 6.0]))
        >>> len(DataParts(data=loaders, seed=0, source="test loader").comparison().dataset)
        3
    """

    data: Data
    seed: int
    source: Source
    rehearsed: bool = False

    def rehearsal(self) -> "DataParts":
        """Return parts whose comparison data are selection data, in as many loaders; no test data."""
        return replace(self, rehearsed=True)

    def open(self) -> "OpenLoaders | OpenModule":
        """Return the data as one training uses them."""
        if isinstance(self.data, tuple | list):
            return OpenLoaders(tuple(self.data), self.seed, rehearsed=self.rehearsed)
        tested = self.source == "test loader"
        return OpenModule(_module(self.data), self.seed, tested=tested, rehearsed=self.rehearsed)

    def train(self) -> Any:
        """Return the training loader."""
        return self.open().loaders()[0]

    def selection(self) -> Any:
        """Return the loader of the data that guide the search."""
        return self.open().loaders()[1]

    def example(self) -> Any:
        """Return the first batch of selection data; of several loaders, of the first.

        Raises:
            DataError: There is none.
        """
        for batch in batches_of(self.selection()):
            return batch
        raise DataError("The selection data are empty: no loader of them gives a batch.")

    def comparison(self) -> Any:
        """Return the loader of the data that compare the final models; reads test data if there are any."""
        opened = self.open()
        opened.loaders()
        return opened.comparison()


def split(data: Data, seed: int = 0) -> DataParts:
    """Divide data into training, selection and comparison parts.

    The comparison part is the test loader if there is one, else a seeded half of the validation data; the
    other half is then the selection part.

    Args:
        data: A `LightningDataModule`, a callable that makes one, or `(train, validation[, test])` loaders.
        seed: Decides the halves.

    Returns:
        The parts; loaders are made when asked for.

    Raises:
        ConfigurationError: `data` is none of these.
        DataError: There are no validation data.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> parts = split((DataLoader(list(range(8))), DataLoader(list(range(4)))))
        >>> parts.source, len(parts.selection().dataset)
        ('half of the validation data', 2)
    """
    if isinstance(data, tuple | list):
        if len(data) not in (2, 3):
            raise ConfigurationError(
                f"Got {counted(len(data), 'loader')}; give (train, validation) or (train, validation, test)."
            )
        tested = len(data) == 3 and data[2] is not None
    else:
        module = _module(data)
        if not is_overridden("val_dataloader", module, LightningDataModule):
            raise DataError(
                f"{type(module).__name__} has no val_dataloader: a search is guided by validation data."
            )
        tested = is_overridden("test_dataloader", module, LightningDataModule)
    return DataParts(data=data, seed=seed, source="test loader" if tested else "half of the validation data")


class OpenLoaders:
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
        """Return the loaders for training and selection."""
        return self._train, self._selection

    def comparison(self) -> Any:
        """Return the loader for the comparison."""
        return self._comparison

    @contextmanager
    def given(self, part: Part, batches: Any = None) -> Iterator[dict[str, Any]]:
        """Give the arguments of `Trainer.fit`, or of `Trainer.validate` on one of the other parts.

        Args:
            part: Of the data.
            batches: A loader to train on instead.
        """
        if part == "training":
            train = self._train if batches is None else batches
            yield {"train_dataloaders": train, "val_dataloaders": self._selection}
        else:
            yield {"dataloaders": self._selection if part == "selection" else self._comparison}


class OpenModule:
    """A data module as one training uses it: its validation loader is replaced where the parts ask for it.

    The halves are taken once per training, from the data set that the module made for it: a module whose
    `setup` divides its data anew each time still never compares on rows that it trained on.
    """

    def __init__(
        self, module: LightningDataModule, seed: int, *, tested: bool, rehearsed: bool = False
    ) -> None:
        self.module, self._rehearsed = module, rehearsed
        self._seed, self._tested = seed, tested
        self._selection: Any = None
        self._comparison: Any = None

    def loaders(self, trainer: Trainer | None = None) -> tuple[Any, Any]:
        """Return the loaders for training and selection, made without a training.

        Args:
            trainer: What the module finds as its `trainer`, if it has none; None: one with defaults.
        """
        if self.module.trainer is None:
            self.module.trainer = trainer or _default_trainer()
        self.module.prepare_data()
        self.module.setup("fit")
        train = _require(self.module.train_dataloader(), "training")
        return train, self._select(self.module.val_dataloader())

    def comparison(self) -> Any:
        """Return the loader for the comparison; a rehearsal makes no test loader."""
        if self._rehearsed:
            return self._selection
        if not self._tested:
            return self._comparison
        self.module.setup("test")
        return _require(self.module.test_dataloader(), "test")

    @contextmanager
    def given(self, part: Part, batches: Any = None) -> Iterator[dict[str, Any]]:
        """Give the arguments of `Trainer.fit`, or of `Trainer.validate` on one of the other parts.

        Args:
            part: Of the data.
            batches: A loader to train on instead.
        """
        own = self.module.__dict__
        validation = self.module.val_dataloader
        known = self.comparison() if part == "comparison" else self._selection
        divides = part == "training" or (part == "selection" and known is None)  # no validation has made it
        loader = (lambda: self._select(validation())) if divides else lambda: known
        own["val_dataloader"] = loader
        if batches is not None:
            own["train_dataloader"] = lambda: batches
        try:
            yield {"datamodule": self.module}
        finally:
            del own["val_dataloader"]
            own.pop("train_dataloader", None)

    def _select(self, validation: Any) -> Any:
        _require(validation, "validation")
        if self._tested:
            self._selection = validation
        else:
            self._selection, self._comparison = halve(validation, self._seed)
        return self._selection


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


def _module(data: Any) -> LightningDataModule:
    made = data() if callable(data) else data
    if not isinstance(made, LightningDataModule):
        raise ConfigurationError(
            f"Got data of type {type(made).__name__}; give a LightningDataModule, a callable that makes one, "
            "or (train, validation[, test]) loaders."
        )
    return made


def _require(loader: Any, part: str) -> Any:
    if loader is None or (isinstance(loader, list | tuple | dict) and not loader):
        raise DataError(f"There are no {part} data: the {part} loader is missing or empty.")
    return loader


def batches_of(loader: Any) -> Iterator[Any]:
    """Iterate over the batches of a loader, or of each loader of a collection in turn.

    Args:
        loader: A loader; a list, tuple, mapping or `CombinedLoader` of them.

    Example:
        >>> loaders = {"a": DataLoader([1, 2]), "b": CombinedLoader([DataLoader([3])])}
        >>> [batch.item() for batch in batches_of(loaders)]
        [1, 2, 3]
    """
    if isinstance(loader, CombinedLoader):
        loader = loader.flattened
    if isinstance(loader, Mapping):
        loader = list(loader.values())
    if isinstance(loader, list | tuple):
        return itertools.chain.from_iterable(map(batches_of, loader))
    return iter(loader)


def generators(data: Iterable[Any]) -> Iterator[torch.Generator]:
    """Iterate over the loaders' own random generators.

    Args:
        data: Loaders, or lists, tuples and mappings of them; anything else is passed over.

    Example:
        >>> own = torch.Generator()
        >>> found = generators([{"a": DataLoader([0, 1], shuffle=True, generator=own)}, None])
        >>> {generator is own for generator in found}
        {True}
    """
    for item in data:
        if isinstance(item, CombinedLoader):
            item = item.flattened
        if isinstance(item, Mapping):
            yield from generators(item.values())
        elif isinstance(item, list | tuple):
            yield from generators(item)
        elif isinstance(item, DataLoader):
            own = (item.generator, getattr(item.sampler, "generator", None))
            yield from (generator for generator in own if generator is not None)
