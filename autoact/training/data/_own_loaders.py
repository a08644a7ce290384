"""Loaders of a model's own, which it makes in `train_dataloader` and `val_dataloader`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden

from autoact.errors import ConfigurationError, DataError


@dataclass(frozen=True, slots=True)
class OwnLoaders:
    """Data that a model loads itself; each training uses the loaders of the model that it trains.

    Attributes:
        make_module: Makes the model, always from scratch.

    Example:
        >>> from lightning.pytorch.demos.boring_classes import BoringModel
        >>> OwnLoaders.of(BoringModel).make_module.__name__
        'BoringModel'
    """

    make_module: Callable[[], LightningModule]

    @classmethod
    def of(cls, model: Callable[[], Any] | None) -> "OwnLoaders":
        """Return the loaders of what a callable makes.

        Args:
            model: Makes the model; None is refused.

        Raises:
            ConfigurationError: There is none, or it has no loaders.
            DataError: It has no validation loader.
        """
        if model is None:
            raise ConfigurationError(
                "data is not given; give a LightningDataModule, a callable that makes one, or "
                "(train, validation[, test]) loaders."
            )
        require_loaders(model())
        return cls(model)


def has_loader(model: Any, part: Literal["train", "val", "test"]) -> bool:
    """Tell whether a LightningModule, or a class of it, makes a loader.

    Args:
        model: An instance or a class.
        part: Of the data.
    """
    name = f"{part}_dataloader"
    return hasattr(model, name) and is_overridden(name, model, LightningModule)


def require_loaders(model: Any) -> None:
    """Refuse a LightningModule, or a class of it, whose loaders are not enough for a search.

    Args:
        model: An instance or a class.

    Raises:
        ConfigurationError: It has no training loader.
        DataError: It has no validation loader.
    """
    name = (model if isinstance(model, type) else type(model)).__name__
    if not has_loader(model, "train"):
        raise ConfigurationError(
            f"data is not given, and {name} has no train_dataloader of its own. Give data (a "
            "LightningDataModule, a callable that makes one, or loaders), or write train_dataloader and "
            f"val_dataloader in {name}."
        )
    if not has_loader(model, "val"):
        raise DataError(
            f"data is not given, and {name} has a train_dataloader of its own, but no val_dataloader: a "
            f"search is guided by validation data. Write val_dataloader in {name}, or give data."
        )
