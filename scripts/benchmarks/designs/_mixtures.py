"""Networks of the tables with a mixture in place of each activation, and how they are trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from autoact import AutoActivation, get, mixture
from scripts.benchmarks.designs._relaxations import Relax
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.tables.tasks import TableTask


class Mixed(nn.Module):
    """A mixture by any relaxation; `standardized` brings candidates to mean 0 and s.d. 1 under N(0, 1)."""

    mean: Tensor
    spread: Tensor

    def __init__(self, candidates: tuple[str, ...], relax: Relax, standardized: bool = False) -> None:
        super().__init__()
        self.candidates, self.relax, self.progress = candidates, relax, 0.0
        self.logits = nn.Parameter(torch.zeros(len(candidates)))
        moments = [moments(name) for name in candidates] if standardized else [(0.0, 1.0)] * len(candidates)
        self.register_buffer("mean", torch.tensor([mean for mean, _ in moments]))
        self.register_buffer("spread", torch.tensor([spread for _, spread in moments]))

    def weights(self) -> Tensor:
        """Return the weights in effect, (K,)."""
        return self.relax(self.logits, self.progress)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of every element."""
        scaled = self.weights() / self.spread
        return mixture(x, scaled, self.candidates) - (scaled * self.mean).sum()


def moments(name: str) -> tuple[float, float]:
    z = torch.special.ndtri((torch.arange(4096, dtype=torch.float64) + 0.5) / 4096)
    values = mixture(z, torch.ones(1, dtype=torch.float64), (name,))
    return float(values.mean()), float(values.std())


def auto(task: TableTask, start: str = "uniform", standardize: bool = False) -> AutoActivation:
    """Return the package's layer with the table's candidates, whose parameters are fixed."""
    fixed = {
        name: {parameter.name: parameter.default for parameter in get(name).parameters}
        for name in task.candidates
    }
    return AutoActivation(
        task.candidates,
        start=start,
        release_steps=None,
        standardize=standardize,
        learn_parameters=False,
        bounds={name: values for name, values in fixed.items() if values},
    )


def mixed(relax: Relax, standardized: bool = False) -> Callable[[TableTask], nn.Module]:
    return lambda task: Mixed(task.candidates, relax, standardized)


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
