"""Blocks as users write them, which a process without autoact imports too; CHOICES for each."""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)


class Calls(Base):
    """Functions, called in the source."""

    def forward(self, x, scale: float = 1.0):
        x = F.relu(self.a(x))
        return torch.tanh(self.b(F.leaky_relu(self.b(x), 0.2))) * scale


class Twice(Base):
    """As torchvision and timm write their blocks: one module, twice, in place, on what others hold."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.a(x)
        shortcut = out
        out = self.act(out)
        return self.act(shortcut + self.b(out))


class Argument(Base):
    """In place on an argument: one call that is rewritten for that."""

    def __init__(self):
        super().__init__()
        self.act1 = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.b(self.part(self.a(x)))

    def part(self, x):
        x = self.act1(x)
        return x


class Held(Base):
    def __init__(self):
        super().__init__()
        self.act = functools.partial(F.elu, alpha=0.5)

    def forward(self, x):
        return self.act(self.b(self.act(self.a(x))))


def own_silu(x):
    return x * torch.sigmoid(x)


class Own(Base):
    """A function of the user's, held and called."""

    def __init__(self):
        super().__init__()
        self.act = own_silu

    def forward(self, x):
        return own_silu(self.act(self.b(self.act(self.a(x)))) + self.a(x))


class Branches(Base):
    def __init__(self):
        super().__init__()
        self.act = nn.SiLU()

    def forward(self, x):
        if self.training:
            return F.relu(self.act(self.a(x)))
        return F.relu(self.act(self.b(x)))


class Parent(Base):
    def forward(self, x, *, more: float = 0.0):
        return F.gelu(self.a(x))


class Child(Parent):
    """What a pickle of it has to find again: super(), private names, decorators, closures of its file."""

    def __init__(self):
        super().__init__()
        self.__c = nn.Linear(4, 4)

    @torch.no_grad()
    def forward(self, x, *, more: float = 0.5):
        def inner(y):
            return F.relu(y) + more

        return super().forward(inner(self.__c(x)))


class Reduced(Calls):
    def __reduce__(self):
        return made, (type(self), self.a, self.b), {k: v for k, v in vars(self).items() if k != "cache"}


def made(kind, a, b):
    model = Calls.__new__(kind)
    nn.Module.__init__(model)
    model.a, model.b = a, b
    return model


class Slots(nn.Module):
    __slots__ = ("width",)

    def __init__(self):
        super().__init__()
        self.a, self.width = nn.Linear(4, 4), 4

    def forward(self, x):
        return F.relu(self.a(x)) * self.width

    def __getstate__(self):
        return vars(self), self.width

    def __setstate__(self, state):
        own, self.width = state
        super().__setstate__(own)


# parameters as plain data: this file imports nothing of autoact
CHOICES: dict[str, dict[str, Any]] = {
    "Calls": {
        "relu_1": "elu",
        "leaky_relu_1": {"activation": "leaky_relu", "parameters": {"negative_slope": 0.3}},
    },
    "Twice": {"act_1": "gelu", "act_2": {"activation": "elu", "parameters": {"alpha": 0.7}}},
    "Argument": {"act1_1": "gelu"},
    "Held": {"act_1": "relu", "act_2": {"activation": "softplus", "parameters": {"beta": 2.0}}},
    "Own": {"act_1": "tanh", "silu_1": "relu"},
    "Branches": {"relu_1": "mish", "act": "prelu"},
    "Parent": {"gelu_1": {"activation": "hardtanh", "parameters": {"min_val": -0.5, "max_val": 0.5}}},
    "Child": {"relu_1": "tanh"},
    "Reduced": {"relu_1": "silu"},
    "Slots": {"relu_1": "silu"},
}


def in_first(choices: dict[str, Any]) -> dict[str, Any]:
    """Return choices for a block as those for a Sequential that begins with it."""
    return {f"0.{path}": choice for path, choice in choices.items()}
