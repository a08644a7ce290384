"""Relaxations of a choice: from logits and the share of the training that is done to weights."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import gumbel_softmax

Relax = Callable[[Tensor, float], Tensor]  # logits (K,) and the share of the training done, to weights (K,)


def softmax(logits: Tensor, progress: float) -> Tensor:
    return logits.softmax(-1)


def gumbel(logits: Tensor, progress: float) -> Tensor:
    """Sample from a Gumbel softmax whose temperature falls from 1 to 0.1."""
    return gumbel_softmax(logits, tau=0.1**progress)


def sparsemax(logits: Tensor, progress: float) -> Tensor:
    """Return the nearest point of the simplex (Martins and Astudillo 2016).

    Example:
        >>> sparsemax(torch.tensor([1.0, 0.5, -1.0]), 0.0)
        tensor([0.7500, 0.2500, 0.0000])
    """
    ordered = logits.sort(descending=True).values
    count = torch.arange(1, len(logits) + 1)
    support = int((1 + count * ordered > ordered.cumsum(0)).sum())
    return (logits - (ordered[:support].sum() - 1) / support).clamp(min=0)


def entmax15(logits: Tensor, progress: float) -> Tensor:
    """Return the 1.5-entmax (Peters, Niculae and Martins 2019): squares of what exceeds a threshold."""
    half = logits / 2
    ordered = half.sort(descending=True).values
    count = torch.arange(1, len(logits) + 1)
    mean = ordered.cumsum(0) / count
    spread = (ordered.square().cumsum(0) / count - mean.square()) * count
    threshold = mean - ((1 - spread) / count).clamp(min=0).sqrt()
    support = int((threshold <= ordered).sum())
    return (half - threshold[support - 1]).clamp(min=0).square()


def shrinking(logits: Tensor, progress: float) -> Tensor:
    """Softmax of the best candidates only: their number falls evenly from all to one."""
    kept = max(1, round(len(logits) * (1 - progress)))
    least = logits.topk(kept).values[-1]
    return logits.masked_fill(logits < least, -torch.inf).softmax(-1)
