r"""Relaxations: the weights of a mixture from its logits, as pure functions of tensors.

All take logits (K,) or (C, K) and a temperature (), and return weights of the same shape that sum to 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Relax = Callable[[Tensor, Tensor], Tensor]


def softmax(logits: Tensor, temperature: Tensor) -> Tensor:
    """Return the softmax of z / T: every candidate takes part.

    Example:
        >>> softmax(torch.zeros(4), torch.tensor(1.0))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return torch.softmax(logits / temperature, -1)


def straight_through(logits: Tensor, temperature: Tensor) -> Tensor:
    """Return exactly the one-hot vector of the largest logit, with the gradient of softmax(z / T).

    Example:
        >>> straight_through(torch.tensor([0.0, 2.0, 1.0]), torch.tensor(1.0))
        tensor([0., 1., 0.])
    """
    p = softmax(logits, temperature)
    hard = torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(p.dtype)
    return hard + (p - p.detach())


def affine(logits: Tensor, temperature: Tensor) -> Tensor:
    """Return z + (1 - sum z) / K: weights of any sign that sum to 1; the temperature plays no part.

    Example:
        >>> affine(torch.tensor([1.0, 0.0]), torch.tensor(1.0))
        tensor([1., 0.])
    """
    return logits + (1 - logits.sum(-1, keepdim=True)) / logits.shape[-1]


RELAXATIONS: dict[str, Relax] = {"softmax": softmax, "straight_through": straight_through, "affine": affine}


def anchored(logits: Tensor, temperature: Tensor, release: Tensor, anchor: Tensor, relax: Relax) -> Tensor:
    r"""Return weights that start as exactly one candidate and still send a gradient to every logit.

    $w = (1 - r)(e + (p - \mathrm{stop}(p))) + r \cdot \mathrm{relax}(z)$ with p = softmax(z / T). At r = 0
    the value is e bit for bit; at r = 1 it is the relaxation.

    Args:
        logits: (K,) or (C, K).
        temperature: (), above 0.
        release: (), r in [0, 1].
        anchor: (K,), e: one-hot at the start candidate.
        relax: One of `RELAXATIONS`.

    Returns:
        Weights of the shape of the logits.

    Example:
        >>> e = torch.tensor([1.0, 0.0])
        >>> anchored(torch.tensor([0.3, 0.7]), torch.tensor(1.0), torch.tensor(0.0), e, softmax)
        tensor([1., 0.])
    """
    p = softmax(logits, temperature)
    if relax is softmax:  # the gradients of both parts add up to that of p: half the calls of torch
        return ((1 - release) * anchor + release * p.detach()) + (p - p.detach())
    release = release.clone()  # kept for backward, while the buffer may move on
    # without the inner parentheses the sum rounds to 1e-6 instead of the anchor
    return (1 - release) * (anchor + (p - p.detach())) + release * relax(logits, temperature)


def scaled_gradient(weights: Tensor, scale: Tensor) -> Tensor:
    """Return the weights bit for bit, with their gradient multiplied by `scale` (K,)."""
    return weights.detach() + (weights - weights.detach()) * scale


def entropy(weights: Tensor) -> Tensor:
    """Return the entropy in nats of weights (K,) or (C, K), averaged over channels.

    Weights of any sign count by their magnitude. Between 0 (one candidate) and log K (all alike).
    """
    share = weights.abs() / weights.abs().sum(-1, keepdim=True)
    # at 0 the derivative of -w log w is infinite, and a start with a weight of 0 would learn NaN
    return -(share * share.clamp_min(torch.finfo(share.dtype).tiny).log()).sum(-1).mean()
