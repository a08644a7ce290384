"""Models with loops over layers, and other loops."""

from typing import Any

import torch.nn.functional as F
from torch import nn


class Stack(nn.Module):
    """Layers of the same size, with a norm and a name each."""

    def __init__(self, depth: int = 3):
        super().__init__()
        self.depth = depth
        self.convs = nn.ModuleList(nn.Linear(4, 4) for _ in range(depth))
        self.norms = nn.ModuleList(nn.LayerNorm(4) for _ in range(depth))
        for number, conv in enumerate(self.convs):
            self.add_module(f"conv{number}", conv)


class Acting(Stack):
    """One activation for all layers."""

    def __init__(self, depth: int = 3):
        super().__init__(depth)
        self.act = nn.ReLU()


class Attribute(Acting):
    def forward(self, x):
        for conv in self.convs:
            x = self.act(conv(x))
        return x


class Function(Stack):
    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return self.convs[0](x)


class Indexed(Stack):
    def forward(self, x):
        for i in range(self.depth):
            x = self.convs[i](x).relu()
        return x


class Named(Stack):
    def forward(self, x):
        for i in range(1, self.depth):
            x = F.relu(getattr(self, f"conv{i}")(x))
        return x


class Local(Stack):
    def forward(self, x):
        layers = self.convs
        for i, conv in enumerate(layers[: len(layers) - 1]):
            x = F.relu(conv(x)) + i
        return layers[-1](x)


class Comprehension(Acting):
    def forward(self, x):
        return sum(self.act(conv(x)) for conv in self.convs if conv is not None)


class Written(Stack):
    def forward(self, x):
        for conv in (self.convs[0], self.convs[1]):
            x = F.relu(conv(x))
        return x


class Last(Acting):
    """As in graph libraries: nothing after the last layer."""

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if i == self.depth - 1:
                break
            x = self.act(x)
        return x


class Conditional(Stack):
    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = F.relu(conv(x)) if i < len(self.convs) - 1 else conv(x)
        return x


class Nested(Stack):
    def forward(self, x):
        for i in range(2):
            for conv in self.convs:
                x = F.relu(conv(x)) if i else F.relu(conv(x) + 1)
        return x


class Blocks(Stack):
    """A list of lists, called twice in each turn, once as the argument of the other."""

    def __init__(self):
        super().__init__()
        self.groups: Any = nn.ModuleList(nn.ModuleList(nn.Linear(4, 4) for _ in range(2)) for _ in range(3))

    def forward(self, x):
        for i in range(len(self.groups)):
            for j in range(2):
                x = F.elu(self.groups[i][j](F.elu(x)))
        return x


class Recurrent(Stack):
    def forward(self, x):
        for _ in range(3):
            x = F.relu(self.convs[0](x))
        return x


class Unknown(Stack):
    def forward(self, x, times: int = 2):
        for i in range(times):
            x = F.relu(self.convs[i](x))
        return x


class While(Stack):
    def forward(self, x):
        i = 0
        while i < self.depth:
            x = F.relu(self.convs[i](x))
            i += 1
        return x


class Inner(Stack):
    def forward(self, x):
        for conv in self.convs:
            x = (lambda h, conv=conv: F.relu(conv(h)))(x)
        return x


class Shadowed(Stack):
    def forward(self, x):
        enumerate = zip
        for (conv,) in enumerate(self.convs):
            x = F.relu(conv(x))
        return x


class Dropped(Acting):
    """Skips layers at random, as LayerDrop does, or ends early."""

    skipped: tuple[int, ...] = ()
    end = 9

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            if i in self.skipped:
                continue
            x = self.act(conv(x))
            if i == self.end:
                return x
        return x


class Recursive(Acting):
    def forward(self, x, depth: int = 1):
        for conv in self.convs:
            x = self.act(conv(x))
            if depth:
                x = x + self(x, depth - 1)
        return x


class Arguments(Stack):
    """A call in the argument of another, in a comprehension."""

    def forward(self, x):
        return [F.elu(self.convs[i](sum(F.elu(conv(x)) for conv in self.convs))) for i in range(self.depth)][
            1
        ]


class InPlace(Stack):
    def forward(self, x):
        for conv in self.convs:
            h = conv(x)
            F.relu_(h)
            x = h
        return x


class Unsplit(Acting):
    """The loop is in a method that forward calls: the turns are counted there."""

    def forward(self, x):
        return self.body(x)

    def body(self, x):
        for conv in self.convs:
            x = self.act(conv(x))
        return x


class Helper(Acting):
    """The call is in a method that the loop calls: no turn is known there."""

    def forward(self, x):
        for conv in self.convs:
            x = self.step(conv, x)
        return x

    def step(self, conv, x):
        return self.act(conv(x))


class Variants(Acting):
    def forward(self, x):
        return self.act(self.convs[0](x))

    def forward_intermediates(self, x):
        found = []
        for conv in self.convs:
            x = self.act(conv(x))
            found.append(x)
        return found
