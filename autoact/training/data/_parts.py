"""Parts of the data: training, selection (guides a search), comparison (has chosen nothing)."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader

from autoact.errors import ConfigurationError, DataError, counted
from autoact.training._compat import restored_randomness
from autoact.training.data._opened import Opened, OpenLoaders, OpenModel, OpenModule
from autoact.training.data._own_loaders import OwnLoaders, has_loader

Data = LightningDataModule | Callable[[], LightningDataModule] | tuple[Any, ...] | list[Any] | OwnLoaders
Source = Literal["test loader", "half of the validation data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParts:
    """A user's data and the seed that divides them; pickles whenever the data do.

    Nothing is loaded before a part is asked for, and the
    test loader is made only for the comparison.

    Attributes:
        data: A data module, a callable that makes one, loaders (train, validation[, test]), or a model's own
            loaders.
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

    def open(self) -> Opened:
        """Return the data as one training uses them."""
        if isinstance(self.data, tuple | list):
            return OpenLoaders(tuple(self.data), self.seed, rehearsed=self.rehearsed)
        tested = self.source == "test loader"
        if isinstance(self.data, OwnLoaders):
            return OpenModel(self.data, self.seed, tested=tested, rehearsed=self.rehearsed)
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


def split(
    data: Data | None, seed: int = 0, *, model: Callable[[], LightningModule] | None = None
) -> DataParts:
    """Divide data into training, selection and comparison parts.

    The comparison part is the test loader if there is one, else a seeded half of the validation data; the
    other half is then the selection part.

    Args:
        data: A `LightningDataModule`, a callable that makes one, or `(train, validation[, test])` loaders;
            None: the loaders that `model` makes itself, in its `train_dataloader` and `val_dataloader`.
        seed: Decides the halves.
        model: Makes a fresh LightningModule; asked only where there are no data.

    Returns:
        The parts; loaders are made when asked for.

    Raises:
        ConfigurationError: `data` is none of these, or is not given and the model has no loaders.
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
    elif data is None or isinstance(data, OwnLoaders):
        with restored_randomness():
            data = data or OwnLoaders.of(model)
            tested = has_loader(data.make_module(), "test")
    else:
        module = _module(data)
        if not is_overridden("val_dataloader", module, LightningDataModule):
            raise DataError(
                f"{type(module).__name__} has no val_dataloader: a search is guided by validation data."
            )
        tested = is_overridden("test_dataloader", module, LightningDataModule)
    return DataParts(data=data, seed=seed, source="test loader" if tested else "half of the validation data")


def _module(data: Any) -> LightningDataModule:
    made = data() if callable(data) else data
    if not isinstance(made, LightningDataModule):
        raise ConfigurationError(
            f"Got data of type {type(made).__name__}; give a LightningDataModule, a callable that makes one, "
            "or (train, validation[, test]) loaders."
        )
    return made


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
