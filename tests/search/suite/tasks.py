"""Losses and tasks: survival, uncertainty, counts, imbalance, metrics of one's own."""

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanSquaredError, Metric

from tests.search.suite.basis import Learner, Regression, classes, loaders, mlp, points
from tests.search.suite.registry import case

rows, labelled = loaders(points), loaders(classes)


@case("uncertainty", "body.1", data=rows)
class Gaussian(Learner):
    """Mean and variance of a Gaussian; the softplus that makes the variance positive stays."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.mean, self.spread = nn.Linear(8, 1), nn.Sequential(nn.Linear(8, 1), nn.Softplus())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h), self.spread(h) + 1e-4

    def loss(self, batch: Any) -> Tensor:
        mean, variance = self(batch[0])
        return F.gaussian_nll_loss(mean, batch[1], variance)


@case("uncertainty", "net.1", data=rows)
class Quantiles(Regression):
    """Pinball loss of three quantiles, kept in order by sums of softplus."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.net = mlp(4, 8, 3)
        self.register_buffer("levels", torch.tensor([0.1, 0.5, 0.9]))

    def forward(self, x: Tensor) -> Tensor:
        first, *more = self.net(x).split(1, 1)
        return torch.cat([first, *(F.softplus(each) for each in more)], 1).cumsum(1)

    def loss(self, batch: Any) -> Tensor:
        missing = batch[1] - self(batch[0])
        return torch.maximum(self.levels * missing, (self.levels - 1) * missing).mean()


@case("uncertainty", "relu_1", data=rows)
class Bayes(Learner):
    """Weights drawn from learned Gaussians in training, dropout that stays on in validation."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.rho = nn.Parameter(torch.randn(8, 4) * 0.3), nn.Parameter(torch.full((8, 4), -3.0))
        self.last = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        deviation = F.softplus(self.rho)
        weight = self.mean + deviation * torch.randn_like(deviation) if self.training else self.mean
        return self.last(F.dropout(F.relu(F.linear(x, weight)), 0.1, training=True))

    def loss(self, batch: Any) -> Tensor:
        spread = F.softplus(self.rho)
        return F.mse_loss(self(batch[0]), batch[1]) + 1e-4 * (spread.square() - spread.log()).sum()


def lifetimes(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return features, times, and whether the end was seen."""
    x, y = points(count, generator)
    return x, (-y[:, 0]).exp(), torch.arange(count) % 3 > 0


@case("survival", "net.1", data=loaders(lifetimes))
class Cox(Learner):
    """Partial likelihood of a batch with censored rows."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 8, 1, act=nn.SELU)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[:, 0]

    def loss(self, batch: Any) -> Tensor:
        x, time, seen = batch
        order = time.argsort(descending=True)
        risk = self(x)[order]
        return -(risk - risk.logcumsumexp(0))[seen[order]].mean()


@case("counts", "net.1", data=rows)
class Counts(Regression):
    """Poisson likelihood; the rate is an exponential of the network."""

    def loss(self, batch: Any) -> Tensor:
        rate = torch.exp(self.net(batch[0]).clamp(max=5))
        return F.poisson_nll_loss(rate, batch[1].abs().round(), log_input=False)


@case("imbalance", "net.1", data=labelled)
class Focal(Learner):
    """Focal loss with class weights that the first batches fill into a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 8, 3)
        self.register_buffer("count", torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.count += torch.bincount(batch[1], minlength=3)

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        wrong = F.cross_entropy(self(x), y, weight=self.count.mean() / self.count, reduction="none")
        return ((1 - (-wrong).exp()).square() * wrong).mean()


class Accuracy(Metric):
    """Share of right answers, as torchmetrics has it."""

    def __init__(self) -> None:
        super().__init__()
        self.add_state("right", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, scores: Tensor, y: Tensor) -> None:
        self.right += (scores.argmax(1) == y).sum()
        self.total += len(y)

    def compute(self) -> Tensor:
        return self.right / self.total


@case("metrics", "net.1", data=labelled, monitor="val_acc")
class Measured(Learner):
    """Metric objects for training and validation; an accuracy is maximized."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 8, 3)
        self.seen, self.held = Accuracy(), nn.ModuleDict({"accuracy": Accuracy()})

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        x, y = batch
        scores = self.net(x)
        self.seen(scores, y)
        self.log("train_acc", self.seen, on_step=True, on_epoch=True, prog_bar=True)
        return {"loss": F.cross_entropy(scores, y), "scores": scores.detach()}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        self.held["accuracy"].update(self.net(x), y)

    def on_validation_epoch_end(self) -> None:
        self.log("val_acc", self.held["accuracy"].compute())
        self.held["accuracy"].reset()


@case("metrics", "net.1", data=rows)
class Gathered(Regression):
    """Outputs gathered over an epoch in a list, and measured at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tensor] = []
        self.error = MeanSquaredError()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        guess = self(batch[0])
        self.error(guess, batch[1])
        self.found.append((guess - batch[1]).square().mean())

    def on_validation_epoch_end(self) -> None:
        self.log_dict({"val_loss": torch.stack(self.found).mean(), "error": self.error})
        self.found.clear()


class Spline(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.base, self.act = nn.Linear(before, after), nn.SiLU()
        self.register_buffer("knots", torch.linspace(-2, 2, 6))
        self.bumps = nn.Parameter(torch.randn(after, before, 6) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        near = torch.exp(-(x[..., None] - self.knots).square())
        return self.base(self.act(x)) + torch.einsum("nik,oik->no", near, self.bumps)


@case("Kolmogorov-Arnold network", "net.0.act net.1.act", data=rows)
class KAN(Regression):
    """Learned functions on edges beside nn.SiLU, which acts on a layer's input."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.net = nn.Sequential(Spline(4, 6), Spline(6, 1))


def unlabelled(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return features, and numbers of which a third is NaN."""
    x, y = points(count, generator)
    return x, y.where(torch.rand(count, 1, generator=generator) > 0.3, torch.nan)


@case("several tasks", "net.1", data=loaders(unlabelled), search_warns="NaN")
class MissingLabels(Regression):
    """Labels that are NaN where they are missing; the loss leaves them out."""

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        known = y.isfinite()
        return F.mse_loss(self(x)[known], y[known])
