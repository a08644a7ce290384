"""Bilevel design: logits follow the loss of weights that one gradient step has moved."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from scripts.benchmarks.designs._joint import Design, Outcome
from scripts.benchmarks.designs._mixtures import Mixed, loss_of, network, optimizers, steps
from scripts.benchmarks.designs._readouts import by_weight
from scripts.benchmarks.designs._relaxations import softmax
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.tables.tasks import TableTask


def bilevel(order: int) -> Design:
    """Learn weights on one half of the training rows and logits on the other (Liu, Simonyan and Yang 2019).

    Args:
        order: 1: logits follow the loss at the present weights; 2: at the weights after their next step.
    """

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: Mixed(task.candidates, softmax))
        weights, structure = optimizers(model, task, rows)
        rate = task.regime.lr
        for _, x, y in steps(task, rows, seed):
            half = len(x) // 2
            inner, outer = (x[:half], y[:half]), (x[half:], y[half:])
            structure.zero_grad()
            if order == 1:
                loss_of(model(outer[0]), outer[1]).backward()
            else:
                set_hypergradient(model, weights, structure, inner, outer, rate)
            structure.step()
            weights.zero_grad()
            loss_of(model(inner[0]), inner[1]).backward()
            weights.step()
        return Outcome(scores={"weights": by_weight(model)}, cost=float(order))

    return design


def set_hypergradient(
    model: nn.Module,
    weights: torch.optim.Optimizer,
    structure: torch.optim.Optimizer,
    inner: tuple[Tensor, Tensor],
    outer: tuple[Tensor, Tensor],
    rate: float,
) -> None:
    """Set the structure's gradient to that of the outer loss after one inner step of gradient descent."""
    names = {id(p): name for name, p in model.named_parameters()}
    own, chosen = ([p for group in o.param_groups for p in group["params"]] for o in (weights, structure))

    def inner_loss(values: list[Tensor]) -> Tensor:
        return loss_of(_called(model, [names[id(p)] for p in own], values, inner[0]), inner[1])

    def outer_loss(values: list[Tensor]) -> Tensor:
        return loss_of(_called(model, [names[id(p)] for p in own], values, outer[0]), outer[1])

    for p, gradient in zip(chosen, hypergradient(inner_loss, outer_loss, own, chosen, rate), strict=True):
        p.grad = gradient


def _called(model: nn.Module, names: list[str], values: list[Tensor], x: Tensor) -> Tensor:
    return functional_call(model, dict(zip(names, values, strict=True)), (x,))


def hypergradient(
    inner_loss: Callable[[list[Tensor]], Tensor],
    outer_loss: Callable[[list[Tensor]], Tensor],
    weights: list[Tensor],
    structure: list[Tensor],
    rate: float,
) -> tuple[Tensor, ...]:
    """Return d outer_loss(w - rate * d inner_loss / dw) / d structure, second derivatives included."""
    slopes = torch.autograd.grad(inner_loss(weights), weights, create_graph=True)
    stepped = [w - rate * slope for w, slope in zip(weights, slopes, strict=True)]
    return torch.autograd.grad(outer_loss(stepped), structure)
