"""Tables and rewards: categories, recommendation, replay, policies."""

import copy
import random
from collections import deque
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.distributions import Categorical
from torch.nn import functional as F

from tests.search.suite.basis import Learner, classes, loaders, mlp, points
from tests.search.suite.registry import case

rows, labelled = loaders(points), loaders(classes)


def table(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return numbers, two columns of categories, and a number."""
    x, y = points(count, generator)
    return x, torch.randint(5, (count, 2), generator=generator), y


@case("tabular", "net.2", data=loaders(table))
class Table(Learner):
    """An embedding for each column of categories, batch norm of the numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(5, 3) for _ in range(2))
        self.norm = nn.BatchNorm1d(4)
        self.net = nn.Sequential(nn.Linear(10, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        parts = [embedding(c[:, i]) for i, embedding in enumerate(self.embeddings)]
        return self.net(torch.cat([self.norm(x), *parts], 1))

    def loss(self, batch: Any) -> Tensor:
        x, c, y = batch
        return F.mse_loss(self(x, c), y)


def ratings(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return users, items, and how much they like them."""
    user, item = torch.randint(6, (2, count), generator=generator)
    return user, item, ((user * item) % 5).float()


NO_ACTIVATION = "Nothing to convert in Factors"


@case("recommendation", "", data=loaders(ratings), callback=NO_ACTIVATION, search=NO_ACTIVATION)
class Factors(Learner):
    """Dot products of embeddings: there is no activation."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(6, 4), nn.Embedding(6, 4)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        return (self.users(user) * self.items(item)).sum(1)

    def loss(self, batch: Any) -> Tensor:
        user, item, y = batch
        return F.mse_loss(self(user, item), y)


@case("recommendation", "net.1", data=loaders(ratings), no_mixture="optimizes manually")
class NeuralFactors(Factors):
    """A network of both embeddings, whose sparse gradients SparseAdam takes, beside Adam."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.users, self.items = nn.Embedding(6, 4, sparse=True), nn.Embedding(6, 4, sparse=True)
        self.net = mlp(8, 8, 1)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        return self.net(torch.cat([self.users(user), self.items(item)], 1))[:, 0]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizers = self.optimizers()
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(self.loss(batch))
        for optimizer in optimizers:
            optimizer.step()

    def configure_optimizers(self) -> Any:
        tables = [*self.users.parameters(), *self.items.parameters()]
        return torch.optim.SparseAdam(tables, lr=1e-2), torch.optim.Adam(self.net.parameters(), lr=1e-2)


def steps(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return states, actions, rewards and the states after them."""
    state = torch.randn(count, 4, generator=generator)
    action = torch.randint(3, (count,), generator=generator)
    reward = state[torch.arange(count), action]
    return state, action, reward, state * 0.5 + torch.randn(count, 4, generator=generator) * 0.1


@case("reinforcement learning", "net.1 target.1", data=loaders(steps))
class DeepQ(Learner):
    """Replay buffer filled by the loader, and a target network that is copied at times."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 16, 3)
        self.target = copy.deepcopy(self.net).eval()
        self.memory: deque[list[Tensor]] = deque(maxlen=100)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Any) -> Tensor:
        state, action, reward, after = batch
        with torch.no_grad():
            wanted = reward + 0.9 * self.target(after).max(1).values
        return F.smooth_l1_loss(self(state).gather(1, action[:, None])[:, 0], wanted)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.memory.extend(zip(*batch, strict=True))
        if self.global_step % 2 == 0:
            self.target.load_state_dict(self.net.state_dict())
        drawn = random.sample(list(self.memory), 12)
        return self.loss([torch.stack(part) for part in zip(*drawn, strict=True)])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.net.parameters(), lr=1e-2)


@case("reinforcement learning", "body.1", data=loaders(steps))
class ActorCritic(Learner):
    """Policy gradient on stored steps, weighted by the advantage, with an entropy term."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
        self.actor, self.critic = nn.Linear(8, 3), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> tuple[Categorical, Tensor]:
        h = self.body(x)
        return Categorical(logits=self.actor(h)), self.critic(h)[:, 0]

    def loss(self, batch: Any) -> Tensor:
        state, action, reward, _ = batch
        policy, value = self(state)
        gain = (reward - value).detach()
        return (
            F.mse_loss(value, reward)
            - (policy.log_prob(action) * gain).mean()
            - 0.01 * policy.entropy().mean()
        )
