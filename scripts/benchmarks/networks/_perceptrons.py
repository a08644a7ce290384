"""Many small perceptrons with different activations, computed as one."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from autoact.nn import module_for
from autoact.spaces import Choice
from autoact.training.stack import RowActivations


def perceptron(sizes: Sequence[int], activations: Sequence[str | Choice], seed: int) -> nn.Sequential:
    """Return one perceptron whose initial weights depend on the seed alone.

    Args:
        sizes: Numbers per row, units of each hidden layer, outputs.
        activations: A choice per hidden layer; of a name alone, parameters begin at their defaults.
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
        layers += [one, module_for(_choice(name))]
    return nn.Sequential(*layers, linear[-1])


def _choice(given: str | Choice) -> Choice:
    return Choice(given) if isinstance(given, str) else given


class PerceptronStack(nn.Module):
    """N perceptrons of one shape: each layer is one batched product, each activation one call per layer.

    Every network computes what `perceptron` does with its activations and seed; slopes of a PReLU are kept.

    Args:
        sizes: Numbers per row, units of each hidden layer, outputs.
        assignments: For each network, a choice per hidden layer.
        seeds: For each network, the seed of its initial weights.

    Example:
        >>> stack = PerceptronStack((3, 8, 2), [("relu",), ("sin",)], seeds=[0, 0])
        >>> stack(torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 2])
    """

    def __init__(
        self, sizes: Sequence[int], assignments: Sequence[Sequence[str | Choice]], seeds: Sequence[int]
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
        self._layers = [
            RowActivations([_choice(name) for name in names]) for names in zip(*assignments, strict=True)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of every network, (N, rows, outputs), on its rows (N, rows, inputs)."""
        for weight, bias, activations in zip(self.weights, self.biases, self._layers, strict=False):
            slopes = [slope.expand(len(x), *slope.shape) for slope in activations.parameters()]
            x = activations.of_rows(torch.baddbmm(bias, x, weight), slopes)
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])
