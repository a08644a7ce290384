"""Cheap trainings that score every assignment: the designs that `benchmark_priors.py` compares.

A design trains one network whose activations are mixtures, or change from step to step, and returns scores,
higher is better: one per layer and candidate, or one per assignment.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from autoact.training.schedule import Schedule
from numpy.typing import NDArray
from relaxations import Relax, entmax15, gumbel, shrinking, softmax, sparsemax
from table_tasks import TableTask
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, mse_loss

from autoact import AutoActivation, analysis, get, mixture
from autoact.training.stacked import Rows
from autoact.training.stacked.regime import losses

Array = NDArray[np.float64]
ONE_SHOT_ROWS = 128  # selection rows that score an assignment by a forward pass


class Mixed(nn.Module):
    """A mixture by any relaxation; `standardized` brings candidates to mean 0 and s.d. 1 under N(0, 1)."""

    mean: Tensor
    spread: Tensor

    def __init__(self, candidates: tuple[str, ...], relax: Relax, standardized: bool = False) -> None:
        super().__init__()
        self.candidates, self.relax, self.progress = candidates, relax, 0.0
        self.logits = nn.Parameter(torch.zeros(len(candidates)))
        moments = [_moments(name) for name in candidates] if standardized else [(0.0, 1.0)] * len(candidates)
        self.register_buffer("mean", torch.tensor([mean for mean, _ in moments]))
        self.register_buffer("spread", torch.tensor([spread for _, spread in moments]))

    def weights(self) -> Tensor:
        """Return the weights in effect, (K,)."""
        return self.relax(self.logits, self.progress)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of every element."""
        scaled = self.weights() / self.spread
        return mixture(x, scaled, self.candidates) - (scaled * self.mean).sum()


def _moments(name: str) -> tuple[float, float]:
    z = torch.special.ndtri((torch.arange(4096, dtype=torch.float64) + 0.5) / 4096)
    values = mixture(z, torch.ones(1, dtype=torch.float64), (name,))
    return float(values.mean()), float(values.std())


def network(task: TableTask, seed: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Return the task's network with searched activations; its weights start as those of the table do."""
    torch.manual_seed(seed)
    linear = [nn.Linear(before, after) for before, after in itertools.pairwise(task.sizes)]
    return nn.Sequential(*(module for one in linear[:-1] for module in (one, activation())), linear[-1])


def searched(model: nn.Module) -> list[AutoActivation | Mixed]:
    return [module for module in model.modules() if isinstance(module, AutoActivation | Mixed)]


def loss_of(said: Tensor, y: Tensor) -> Tensor:
    return mse_loss(said.squeeze(-1), y) if y.is_floating_point() else cross_entropy(said, y)


def steps(task: TableTask, rows: Rows, seed: int) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Yield the share of the training done and a batch, in the order of the table's trainings."""
    x, y = rows.training
    total = task.regime.epochs * (len(x) // task.regime.batch_size)
    order = itertools.chain.from_iterable(task.regime.batches(len(x), seed))
    for step, batch in enumerate(order):
        yield step / total, x[batch], y[batch]


def logit_rate(task: TableTask, rows: Rows) -> float:
    """Return the learning rate of logits that `ActivationSearch` takes by default."""
    count = task.regime.epochs * (len(rows.training[0]) // task.regime.batch_size)
    return min(max(10.0 / count, 0.001), 0.03)


def optimizers(model: nn.Module, task: TableTask, rows: Rows) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    """Return one Adam for the weights and one for logits and activation parameters."""
    chosen = {id(p) for layer in searched(model) for p in layer.parameters()}
    weights = [p for p in model.parameters() if id(p) not in chosen]
    structure = [p for p in model.parameters() if id(p) in chosen and p.requires_grad]
    return torch.optim.Adam(weights, lr=task.regime.lr), torch.optim.Adam(
        structure, lr=logit_rate(task, rows)
    )


def by_weight(model: nn.Module) -> Array:
    """Score candidates by their logits, (L, K)."""
    return np.stack([layer.logits.detach().numpy().astype(np.float64) for layer in searched(model)])


def by_projection(model: nn.Module) -> Array:
    """Score candidates by how little they differ from the learned function, (L, K): what `derive` does."""
    layers = [layer for layer in searched(model) if isinstance(layer, AutoActivation)]
    return np.array([[-layer.projection().errors[name] for name in layer.candidates] for layer in layers])


def by_distance(model: nn.Module) -> Array:
    """The same up to shift and scale, which the next layer could take over."""
    layers = [layer for layer in searched(model) if isinstance(layer, AutoActivation)]
    quantiles = [layer.quantiles.double().numpy() for layer in layers]
    return np.array(
        [
            [-analysis.distance(layer, name, nodes) for name in layer.candidates]
            for layer, nodes in zip(layers, quantiles, strict=True)
        ]
    )


def by_contribution(model: nn.Module) -> Array:
    """Score candidates by logits plus the log of their s.d. under N(0, 1): by what they add to the output."""
    spreads = [[_moments(name)[1] for name in layer.candidates] for layer in searched(model)]
    return by_weight(model) + np.log(spreads)


READOUTS: Mapping[str, Callable[[nn.Module], Array]] = {
    "weights": by_weight,
    "projection": by_projection,
    "distance": by_distance,
    "contribution": by_contribution,
}


def auto(task: TableTask, start: str = "uniform", standardize: bool = False) -> AutoActivation:
    """Return the package's layer with the table's candidates, whose parameters are fixed."""
    fixed = {
        name: {parameter.name: parameter.default for parameter in get(name).parameters}
        for name in task.candidates
    }
    return AutoActivation(
        task.candidates,
        start=start,
        standardize=standardize,
        learn_parameters=False,
        bounds={name: values for name, values in fixed.items() if values},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Scores by read-out, (L, K) or (K_1, ..., K_L), and what they cost in full trainings."""

    scores: Mapping[str, Array]
    cost: float


Design = Callable[[TableTask, Rows, int], Outcome]


def joint(
    layer: Callable[[TableTask], nn.Module],
    release: tuple[float, float] | None = None,
    readouts: tuple[str, ...] = ("weights",),
) -> Design:
    """Learn weights and logits on the same batches.

    Args:
        layer: Makes a searched activation.
        release: Shares of the training between which an anchored start gives way to the mixture.
        readouts: Names in `READOUTS`.
    """
    schedule = Schedule(release=release)

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: layer(task))
        both = optimizers(model, task, rows)
        for number, (progress, x, y) in enumerate(steps(task, rows, seed)):
            advance(model, schedule, progress)
            for optimizer in both:
                optimizer.zero_grad()
            loss_of(model(x), y).backward()
            for optimizer in both:
                optimizer.step()
            if number % 10 == 0:
                observe(model, x)
        return Outcome(scores={name: READOUTS[name](model) for name in readouts}, cost=1.0)

    return design


def advance(model: nn.Module, schedule: Schedule, progress: float) -> None:
    """Move every searched layer along its schedule."""
    release = schedule.release_at(progress)
    for layer in searched(model):
        if isinstance(layer, Mixed):
            layer.progress = progress
        elif release is not None:
            layer.release.fill_(release)


@torch.no_grad()
def observe(model: nn.Module, x: Tensor) -> None:
    """Let the package's layers see their pre-activations."""
    for module in model.children():
        if isinstance(module, AutoActivation):
            module.observe(x)
        x = module(x)


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


def by_selection(standardized: bool) -> Design:
    """Learn weights on the training rows and logits on the selection rows, by turns."""

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: Mixed(task.candidates, softmax, standardized))
        weights, structure = optimizers(model, task, rows)
        x_all, y_all = rows.selection
        draw = torch.Generator().manual_seed(seed)
        for _, x, y in steps(task, rows, seed):
            batch = torch.randint(len(x_all), (len(x),), generator=draw)
            for optimizer, part in ((structure, (x_all[batch], y_all[batch])), (weights, (x, y))):
                optimizer.zero_grad()
                loss_of(model(part[0]), part[1]).backward()
                optimizer.step()
        return Outcome(scores={"weights": by_weight(model)}, cost=2.0)

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


def one_shot(standardized: bool) -> Design:
    """Train shared weights under a random assignment per step, then score all of them by forward passes.

    An assignment's score is its loss on `ONE_SHOT_ROWS` selection rows, sign changed.
    """

    def design(task: TableTask, rows: Rows, seed: int) -> Outcome:
        model = network(task, seed, lambda: Mixed(task.candidates, softmax, standardized))
        weights, _ = optimizers(model, task, rows)
        layers, draw = searched(model), np.random.default_rng(seed)
        for _, x, y in steps(task, rows, seed):
            fix(layers, draw.integers(len(task.candidates), size=task.depth))
            weights.zero_grad()
            loss_of(model(x), y).backward()
            weights.step()
        return Outcome(
            scores={"loss": forward_scores(model, task, rows)}, cost=1.0 + forward_cost(task, rows)
        )

    return design


def fix(layers: list[AutoActivation | Mixed], assignment: Iterable[int]) -> None:
    """Give each layer one candidate."""
    for layer, choice in zip(layers, assignment, strict=True):
        layer.relax = partial(_one_hot, choice)


def _one_hot(choice: int, logits: Tensor, progress: float) -> Tensor:
    return torch.eye(len(logits))[choice]


@torch.no_grad()
def forward_scores(model: nn.Sequential, task: TableTask, rows: Rows) -> Array:
    """Return minus the loss of every assignment under the shared weights, (K_1, ..., K_L).

    What assignments have in common in their first layers is computed once.
    """
    x, y = (part[:ONE_SHOT_ROWS] for part in rows.selection)
    reached = x[None]  # (assignments so far, rows, units)
    for module in model:
        if isinstance(module, Mixed):
            reached = torch.stack([_alone(module, k, reached) for k in range(len(task.candidates))], dim=1)
            reached = reached.flatten(0, 1)
        else:
            reached = module(reached)
    return -losses(reached, y[None]).double().numpy().reshape((len(task.candidates),) * task.depth)


def _alone(layer: Mixed, choice: int, x: Tensor) -> Tensor:
    fix([layer], [choice])
    return layer(x)


def forward_cost(task: TableTask, rows: Rows) -> float:
    """Return what these forward passes cost in full trainings; a step on a row counts as three passes."""
    count = len(task.candidates)
    passes = sum(count**depth for depth in range(1, task.depth + 1)) / task.depth * ONE_SHOT_ROWS
    return passes / (3.0 * task.regime.epochs * len(rows.training[0]))


def mixed(relax: Relax, standardized: bool = False) -> Callable[[TableTask], nn.Module]:
    return lambda task: Mixed(task.candidates, relax, standardized)


ALL = tuple(READOUTS)
DESIGNS: Mapping[str, Design] = {
    "uniform softmax": joint(auto, readouts=ALL),
    "uniform softmax, scaled gradients": joint(partial(auto, standardize=True), readouts=ALL),
    "standardised candidates": joint(mixed(softmax, standardized=True)),
    "anchored, release 0-0.05": joint(partial(auto, start="relu"), (0.0, 0.05), ALL),
    "anchored, release 0-0.25": joint(partial(auto, start="relu"), (0.0, 0.25), ALL),
    "anchored, release 0-1": joint(partial(auto, start="relu"), (0.0, 1.0), ALL),
    "anchored, release 0.25-0.5": joint(partial(auto, start="relu"), (0.25, 0.5), ALL),
    "anchored, never released": joint(partial(auto, start="relu"), None, ("weights",)),
    "anchored 0-0.25, scaled gradients": joint(
        partial(auto, start="relu", standardize=True), (0.0, 0.25), ALL
    ),
    "gumbel": joint(mixed(gumbel)),
    "sparsemax": joint(mixed(sparsemax)),
    "entmax15": joint(mixed(entmax15)),
    "shrinking": joint(mixed(shrinking)),
    "bilevel, first order": bilevel(1),
    "bilevel, second order": bilevel(2),
    "logits on selection rows": by_selection(standardized=False),
    "logits on selection rows, standardised candidates": by_selection(standardized=True),
    "one-shot": one_shot(standardized=False),
    "one-shot, standardised candidates": one_shot(standardized=True),
}
