"""Trainings of a small task's networks as one stack: normalized or not, several outputs, two optimizers."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from autoact.nn import module_for
from autoact.spaces import Choice
from scripts.benchmarks.networks import Rows, perceptron
from scripts.benchmarks.small_tables._setting import Setting


class Stack(nn.Module):
    """Perceptrons with or without batch normalization before each activation, computed as one.

    Args:
        sizes: Numbers per row, units of each hidden layer, outputs.
        assignments: For each network, a registered name per hidden layer.
        seed: Of the initial weights of all.
        normalized: Whether there is batch normalization.
    """

    def __init__(
        self, sizes: Sequence[int], assignments: Sequence[Sequence[str]], seed: int, normalized: bool
    ) -> None:
        super().__init__()
        linear = [layer for layer in perceptron(sizes, assignments[0], seed) if isinstance(layer, nn.Linear)]
        count = len(assignments)
        self.weights = nn.ParameterList(own.weight.detach().mT.repeat(count, 1, 1) for own in linear)
        self.biases = nn.ParameterList(own.bias.detach().repeat(count, 1, 1) for own in linear)
        widths = sizes[1:-1] if normalized else ()
        self.scales = nn.ParameterList(torch.ones(count, 1, width) for width in widths)
        self.moments: list[tuple[Tensor, Tensor]] = []
        self._layers = [tuple(names) for names in zip(*assignments, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of every network, (N, rows, outputs), on its rows (N, rows, inputs)."""
        for layer, names in enumerate(self._layers):
            x = torch.bmm(x, self.weights[layer])
            if len(self.scales):
                mean, spread = self._moments(layer, x)
                x = (x - mean) * (self.scales[layer] / spread)
            x = activated(x + self.biases[layer], names)
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])

    def _moments(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and s.d.: of the batch in training, running ones in evaluation."""
        if not self.training:
            return self.moments[layer]
        mean, spread = x.mean(1, keepdim=True), (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        new = mean.detach(), spread.detach()
        if len(self.moments) <= layer:
            self.moments.append(new)
        else:
            old = self.moments[layer]
            self.moments[layer] = old[0].lerp(new[0], 0.1), old[1].lerp(new[1], 0.1)
        return mean, spread


def activated(x: Tensor, names: Sequence[str]) -> Tensor:
    """Return each network's activation of its own part of x, (N, ...): each activation is called once.

    Example:
        >>> activated(-torch.ones(3, 1), ("relu", "sin", "relu")).flatten()
        tensor([ 0.0000, -0.8415,  0.0000])
    """
    kinds = list(dict.fromkeys(names))
    order = torch.tensor([kinds.index(name) for name in names]).argsort(stable=True)
    parts = x[order].split([names.count(kind) for kind in kinds])
    done = [module_for(Choice(kind))(part) for kind, part in zip(kinds, parts, strict=True)]
    return torch.cat(done)[order.argsort()]


def losses(said: Tensor, y: Tensor) -> Tensor:
    """Return the loss of each network, (N,): cross entropy of classes (rows,), squared error of (rows, T).

    Example:
        >>> losses(torch.zeros(1, 2, 10), torch.tensor([3, 4])).exp()
        tensor([10.])
    """
    if y.is_floating_point():
        return (said - y).square().mean((1, 2))
    picked = said.log_softmax(-1).gather(-1, y.expand(len(said), -1)[..., None])
    return -picked.mean((1, 2))


def train(
    sizes: Sequence[int], assignments: Sequence[Sequence[str]], seed: int, rows: Rows, setting: Setting
) -> Tensor:
    """Return the losses of each network at its end on selection and on comparison rows, (2, N)."""
    stack, (x, y) = Stack(sizes, assignments, seed, setting.normalized), rows.training
    optimizer = optimizer_of(list(stack.parameters()), setting)
    for step, batch in enumerate(batches(len(x), seed, setting)):
        if setting.decays:
            optimizer.param_groups[0]["lr"] = setting.lr * (1 - step / setting.steps)
        optimizer.zero_grad()
        losses(stack(x[batch].expand(len(assignments), -1, -1)), y[batch]).sum().backward()
        optimizer.step()
    stack.eval()
    with torch.no_grad():
        parts = (rows.selection, rows.comparison)
        return torch.stack([losses(stack(a.expand(len(assignments), -1, -1)), b) for a, b in parts])


def optimizer_of(parameters: list[nn.Parameter], setting: Setting) -> torch.optim.Optimizer:
    """Return the optimizer of a stack."""
    if setting.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=setting.lr, fused=True)
    return torch.optim.SGD(parameters, lr=setting.lr, momentum=0.9, fused=True)


def batches(rows: int, seed: int, setting: Setting) -> Iterator[Tensor]:
    """Yield the row numbers of each step; all rows in random order, then in another."""
    generator, count = torch.Generator().manual_seed(seed), setting.steps * setting.batch
    orders = [torch.randperm(rows, generator=generator) for _ in range(-(-count // rows))]
    yield from torch.cat(orders)[:count].split(setting.batch)
