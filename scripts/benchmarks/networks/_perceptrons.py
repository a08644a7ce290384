"""Many small perceptrons with different activations, computed as one."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from autoact.nn import module_for
from autoact.spaces import Choice


def perceptron(sizes: Sequence[int], activations: Sequence[str], seed: int) -> nn.Sequential:
    """Return one perceptron whose initial weights depend on the seed alone.

    Args:
        sizes: Numbers per row, units of each hidden layer, outputs.
        activations: A registered name per hidden layer; parameters keep their defaults.
        seed: Of `nn.Linear`'s own initialization.

    Raises:
        ValueError: If there are more or fewer activations than hidden layers.

    Example:
        >>> perceptron((3, 8, 2), ("tanh",), seed=0)
        Sequential(
          (0): Linear(in_features=3, out_features=8, bias=True)
          (1): Tanh()
          (2): Linear(in_features=8, out_features=2, bias=True)
        )
    """
    if len(activations) != len(sizes) - 2:
        raise ValueError(f"{len(activations)} activations {tuple(activations)} for sizes {tuple(sizes)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        linear = [nn.Linear(before, after) for before, after in pairwise(sizes)]
    layers: list[nn.Module] = []
    for one, name in zip(linear, activations, strict=False):
        layers += [one, module_for(Choice(name))]
    return nn.Sequential(*layers, linear[-1])


class PerceptronStack(nn.Module):
    """N perceptrons of one shape: each layer is one batched product, each activation one call per layer.

    Every network computes what `perceptron` does with its activations and seed.

    Args:
        sizes: Numbers per row, units of each hidden layer, outputs.
        assignments: For each network, a registered name per hidden layer.
        seeds: For each network, the seed of its initial weights.

    Example:
        >>> stack = PerceptronStack((3, 8, 2), [("relu",), ("sin",)], seeds=[0, 0])
        >>> stack(torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 2])
    """

    def __init__(
        self, sizes: Sequence[int], assignments: Sequence[Sequence[str]], seeds: Sequence[int]
    ) -> None:
        super().__init__()
        networks = [perceptron(sizes, names, seed) for names, seed in zip(assignments, seeds, strict=True)]
        linear = [
            nn.ModuleList(layer for layer in network if isinstance(layer, nn.Linear)) for network in networks
        ]
        stacked, _ = stack_module_state(list(linear))
        depth = len(sizes) - 1
        self.weights = nn.ParameterList(stacked[f"{i}.weight"].detach().mT.contiguous() for i in range(depth))
        self.biases = nn.ParameterList(stacked[f"{i}.bias"].detach()[:, None] for i in range(depth))
        self._layers = [Activations(names) for names in zip(*assignments, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of every network, (N, rows, outputs), on its rows (N, rows, inputs)."""
        for weight, bias, activations in zip(self.weights, self.biases, self._layers, strict=False):
            x = activations(torch.baddbmm(bias, x, weight))
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])


class Activations:
    """One layer's activations: networks that have the same are brought together, and back to their places.

    Args:
        names: For each network, its activation.

    Example:
        >>> Activations(("relu", "sin", "relu"))(-torch.ones(3, 1)).flatten()
        tensor([ 0.0000, -0.8415,  0.0000])
    """

    def __init__(self, names: Sequence[str]) -> None:
        kinds = list(dict.fromkeys(names))
        self.functions = [module_for(Choice(kind)) for kind in kinds]
        self.counts = [names.count(kind) for kind in kinds]
        self.order = torch.tensor([kinds.index(name) for name in names]).argsort(stable=True)
        self.places = self.order.argsort()
        self.sorted = torch.equal(self.order, torch.arange(len(names)))

    def __call__(self, x: Tensor) -> Tensor:
        """Return every network's activation of its own part of x, (N, ...)."""
        if self.sorted:
            return self._of_sorted(x)
        together = _Permuted.apply(x, self.order, self.places)
        return _Permuted.apply(self._of_sorted(together), self.places, self.order)

    def _of_sorted(self, x: Tensor) -> Tensor:
        if len(self.functions) == 1:
            return self.functions[0](x)
        parts = x.split(self.counts)
        return torch.cat([function(own) for function, own in zip(self.functions, parts, strict=True)])


class _Permuted(torch.autograd.Function):
    """Rows in another order. The backward of `index_select` fills and adds, which took half of a training."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.inverse = inverse
        return x.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.inverse), None, None
