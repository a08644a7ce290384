"""Observation of a layer: quantiles of its pre-activations, cheap enough to measure during training."""

import math

import torch
from torch import Tensor

QUANTILES = 257
SAMPLE = 8192
MEMORY = 20  # later batches count for at least 1/20: pre-activations drift while a model trains
GOLDEN = 0.6180339887498949


def levels() -> Tensor:
    """Return the (257,) probabilities of the quantiles: midpoints, so that all nodes are equally likely."""
    return (torch.arange(QUANTILES, dtype=torch.float64, device="cpu") + 0.5) / QUANTILES


def normal_quantiles() -> Tensor:
    """Return the (257,) quantiles of N(0, 1)."""
    return torch.special.ndtri(levels()).float()


def batch_quantiles(x: Tensor) -> Tensor:
    """Return the (257,) quantiles of the finite elements of a tensor; NaN if it has none.

    At most 8192 elements are read, spread over the whole tensor by a golden-ratio step: evenly spaced ones
    would meet the same channels over and over. Nothing is copied to the CPU.
    """
    flat = x.detach().reshape(-1)
    if flat.numel() > SAMPLE:
        flat = flat[(torch.arange(SAMPLE, device=x.device) * _step(flat.numel())) % flat.numel()]
    flat = flat.float()
    finite = torch.where(flat.isfinite(), flat, torch.full_like(flat, math.nan))
    return torch.nanquantile(finite, levels().to(flat))


def _step(count: int) -> int:
    """Return a step near count / 1.618 without common factor: every multiple is a different element."""
    step = int(count * GOLDEN)
    while math.gcd(step, count) > 1:
        step += 1
    return step


@torch.no_grad()
def update(quantiles: Tensor, observed: Tensor, x: Tensor) -> None:
    """Move running quantiles (257,) towards those of a batch, in place; count the batch.

    A batch without any finite element changes nothing.
    """
    if x.numel() == 0:
        return
    move(quantiles, observed, batch_quantiles(x))


def sampled(x: Tensor) -> Tensor:
    """Return 257 elements of a tensor in ascending order: its quantiles, roughly, at any traced size."""
    flat = x.detach().reshape(-1)
    spread = (torch.arange(QUANTILES, dtype=torch.float64, device=x.device) * GOLDEN).frac()
    chosen = flat[(spread * flat.numel()).long()].float()
    return torch.where(chosen.isfinite().all(), chosen.sort().values, math.nan)


def move(quantiles: Tensor, observed: Tensor, new: Tensor) -> None:
    """Move running quantiles (257,) towards new ones, in place, and count them; NaN changes nothing."""
    new = new.to(quantiles)
    known = ~new.isnan().any()
    rate = (1 / (observed + 1)).clamp(min=1 / MEMORY).to(quantiles)
    quantiles.copy_(torch.where(known, quantiles + rate * (new - quantiles), quantiles))
    observed.add_(known.to(observed))
