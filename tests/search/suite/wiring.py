"""Wiring: how activations are held and called, when layers are made, what is compiled, saved or scripted."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.utils.data import DataLoader, random_split

from tests.search.suite.basis import Learner, Numbers, Regression, loader, loaders, mlp, points
from tests.search.suite.registry import case

rows = loaders(points)


@case(
    "one object",
    "net.1 net.3",
    warns="used in several places",
    search_warns="used in several places",
    data=rows,
)
class Shared(Regression):
    """One activation object at two places of a Sequential."""

    def __init__(self) -> None:
        Learner.__init__(self)
        act = nn.SiLU()
        self.net = nn.Sequential(nn.Linear(4, 8), act, nn.Linear(8, 8), act, nn.Linear(8, 1))


@case("functions", "act other", data=rows)
class Functional(Regression):
    """F.gelu and a partial of F.leaky_relu in attributes."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.first, self.second, self.last = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 1)
        self.act, self.other = F.gelu, partial(F.leaky_relu, negative_slope=0.2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.other(self.second(self.act(self.first(x)))))


ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


@case(
    "chosen by name",
    "acts.relu acts.silu",
    idle=("acts.gelu",),
    warns="ever observed at acts.gelu",
    data=rows,
)
class ByName(Numbers):
    """Activations in a ModuleDict, fetched by name; an entry that never runs is left alone."""

    def __init__(self, order: tuple[str, ...] = ("relu", "silu")) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.acts = nn.ModuleDict({name: make() for name, make in ACTIVATIONS.items()})
        self.layers = nn.ModuleList([nn.Linear(4, 8), nn.Linear(8, 8)])
        self.last = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        for name, layer in zip(self.hparams["order"], self.layers, strict=True):
            x = self.acts[name](layer(x))
        return self.last(x)


NAMED = "Nothing to convert in Fetched"


@case("chosen by name", "", data=rows, callback=NAMED, search=NAMED)
class Fetched(Regression):
    """getattr(F, name) in forward: no rewriting reaches it, and the line says so."""

    def __init__(self, act: str = "relu") -> None:
        Learner.__init__(self)
        self.name, self.first, self.last = act, nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(getattr(F, self.name)(self.first(x)))


@case("chosen by name", "act", data=rows)
class Looked(Regression):
    """getattr(F, name) in __init__, kept in an attribute."""

    def __init__(self, act: str = "elu") -> None:
        Learner.__init__(self)
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 1)
        self.act = getattr(F, act)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x)))


@case("in place", "act relu_1", data=rows)
class InPlace(Regression):
    """`h += x` behind an activation, and F.relu_ on a tensor that is used again."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.first, self.act, self.last = nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.first(x))
        h += x
        again = h * 1
        F.relu_(again)
        return self.last(again + h)


@dataclass
class Optimizing:
    rate: float = 1e-2
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass
class Settings:
    widths: list[int] = field(default_factory=lambda: [4, 8, 1])
    optimizer: Optimizing = field(default_factory=Optimizing)


@case("hyperparameters", "net.1", data=rows)
class Configured(Numbers):
    """Nested dataclasses as arguments, saved by save_hyperparameters and logged."""

    def __init__(self, settings: Settings | None = None, **more: Any) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["more"])
        self.settings = settings or Settings()
        self.net = mlp(*self.settings.widths)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def on_fit_start(self) -> None:
        self.logger.log_hyperparams({"rate": self.settings.optimizer.rate, "nested": {"a": [1, 2]}})

    def configure_optimizers(self) -> Any:
        own = self.settings.optimizer
        return torch.optim.Adam(self.parameters(), lr=own.rate, betas=own.betas)


@case("pruning", "net.1", data=rows)
class Pruned(Regression):
    """torch.nn.utils.prune: weights are masked by hooks."""

    def __init__(self) -> None:
        super().__init__()
        prune.l1_unstructured(self.net[0], "weight", amount=0.3)


class Quantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x * 16).round() / 16

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope


@case("quantization", "net.1", data=rows)
class Quantized(Regression):
    """An autograd.Function of one's own rounds what the activation gave."""

    def forward(self, x: Tensor) -> Tensor:
        first, act, last = self.net
        return last(Quantize.apply(act(first(x))))


class Swishing(nn.Module):
    """An activation of one's own with a learned parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.beta * x)


@case("own activation", "net.3", data=rows)
class Own(Regression):
    """An activation class of one's own with a parameter, which stays, and its plain form."""

    class Plain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.sigmoid(x)

    def __init__(self) -> None:
        Learner.__init__(self)
        self.net = nn.Sequential(nn.Linear(4, 8), Swishing(), nn.Linear(8, 8), self.Plain(), nn.Linear(8, 1))


@case("loaders of one's own", "net.1", data=lambda: None)
class InTheModule(Regression):
    """train_dataloader and val_dataloader in the module itself, of rows that setup divides at random."""

    def setup(self, stage: str) -> None:
        self.parts = random_split(loader(points).dataset, [32, 16])

    def train_dataloader(self) -> Any:
        return DataLoader(self.parts[0], batch_size=8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.parts[1], batch_size=8)
