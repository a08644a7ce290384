"""Perceptron for a table: the model, its batches, and the length of a training."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from autoact.tabular.splits import Indices, Split
from autoact.training import GroupBatchSampler
from autoact.training.tasks import Perceptron

_STEPS = 800  # optimizer steps after which a small perceptron has learned a table
_EPOCHS = (6, 80)
_VALIDATIONS = 5  # per training, the last one included
_WHOLE = 8192  # rows of a batch that is only looked at

Weights = NDArray[np.float64]
Loader = DataLoader[tuple[Tensor, ...]]


def model_for(
    inputs: int,
    y: NDArray[Any],
    classes: int,
    hidden: Sequence[int],
    folds: int,
    weights: Weights | None = None,
) -> partial[Perceptron]:
    """Return what makes a fresh model; a regression learns in units of its target's standard deviation.

    Args:
        inputs: Numbers per row.
        y: Target of the training rows.
        classes: How many there are; 0 for a regression.
        hidden: Units per hidden layer.
        folds: Models trained side by side.
        weights: Of the training rows; None: all alike.
    """
    make = partial(Perceptron, inputs, hidden=tuple(hidden), folds=folds)
    if classes:
        return partial(make, outputs=classes)
    center = float(np.average(y, weights=weights))
    scale = float(np.sqrt(np.average(np.square(y - center), weights=weights)))
    return partial(make, outputs=1, classification=False, center=center, scale=scale or 1.0)


def trainer_for(rows: int, max_epochs: int | None = None) -> dict[str, Any]:
    """Return arguments of `lightning.Trainer` that suit a number of training rows.

    Example:
        >>> trainer_for(800)["max_epochs"]
        32
    """
    length = _epochs(rows) if max_epochs is None else max_epochs
    return {
        "max_epochs": length,
        "check_val_every_n_epoch": max(1, length // _VALIDATIONS),
        "gradient_clip_val": 1.0,
        "accelerator": "cpu",  # a model this small waits for a GPU longer than it computes
    }


def loaders_for(
    x: Tensor, y: NDArray[Any], split: Split, weights: Weights | None = None
) -> tuple[Loader, ...]:
    """Return loaders of training and selection rows, and of comparison rows (whole groups) if there are any.

    Args:
        x: Inputs of all rows.
        y: Their targets.
        split: Which rows are for what.
        weights: Of all rows, above 0; in each part they are scaled to a mean of 1. None: all alike.
    """
    target = torch.tensor(y, dtype=torch.int64 if y.dtype.kind in "iu" else torch.float32)

    def tensors(rows: Indices, fold: Indices | None) -> tuple[Tensor, ...]:
        folds = torch.full((len(rows),), -1) if fold is None else torch.from_numpy(fold)
        places = torch.from_numpy(rows)
        weighted = [] if weights is None else [_of_mean_one(weights[rows])]
        return x[places], target[places], folds, *weighted

    fold = split.fold if split.folds > 1 else None
    parts = (
        loader(tensors(split.train, fold), batch_size(len(split.train)), shuffle=True),
        loader(tensors(split.selection, fold), _WHOLE),
    )
    if not len(split.comparison):
        return parts
    return (*parts, loader(tensors(split.comparison, None), _WHOLE, groups=split.groups))


def _of_mean_one(weights: Weights) -> Tensor:
    return torch.from_numpy(weights / weights.mean()).float()


def loader(
    tensors: tuple[Tensor, ...], batch: int, *, shuffle: bool = False, groups: Indices | None = None
) -> Loader:
    """Return a loader whose batches are one indexing each, not one call per row; or whole groups, if given.

    Example:
        >>> [x.tolist() for (x,) in loader((torch.arange(3.0),), 2)]
        [[0.0, 1.0], [2.0]]
    """
    dataset = TensorDataset(*tensors)
    if groups is not None:
        return DataLoader(dataset, batch_size=None, sampler=GroupBatchSampler(groups.tolist()))
    rows: RandomSampler | SequentialSampler = (
        RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
    )
    return DataLoader(dataset, batch_size=None, sampler=BatchSampler(rows, batch, drop_last=False))


def batch_size(rows: int) -> int:
    """Return a power of two near 1/24 of the rows, from 16 to 2,048.

    Example:
        >>> batch_size(20), batch_size(3000), batch_size(10**6)
        (16, 128, 2048)
    """
    return int(min(max(2 ** round(math.log2(max(rows, 1) / 24)), 16), 2048))


def _epochs(rows: int) -> int:
    per_epoch = math.ceil(rows / batch_size(rows))
    return int(min(max(math.ceil(_STEPS / per_epoch), _EPOCHS[0]), _EPOCHS[1]))
