"""Loaders over rows that lie in memory: a batch is one indexing, not one call per row."""

import math

from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

_STEPS = 800  # optimizer steps after which a small perceptron has learned a table
_EPOCHS = (6, 80)


def loader(
    tensors: tuple[Tensor, ...], batch: int, *, shuffle: bool = False
) -> DataLoader[tuple[Tensor, ...]]:
    """Return a loader of batches.

    Example:
        >>> import torch
        >>> [x.tolist() for (x,) in loader((torch.arange(3.0),), 2)]
        [[0.0, 1.0], [2.0]]
    """
    dataset = TensorDataset(*tensors)
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


def epochs(rows: int, batch: int) -> int:
    """Return how often to go through the rows."""
    per_epoch = math.ceil(rows / batch)
    return int(min(max(math.ceil(_STEPS / per_epoch), _EPOCHS[0]), _EPOCHS[1]))
