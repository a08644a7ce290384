"""Code that works in place around an activation trains after conversion, whatever is chosen."""

import copy
import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize, find_layers

NAMES = ["relu", "tanh", "sigmoid", "elu", "gelu", "leaky_relu", "prelu", "swish"]
SMALL, LARGE = 4, 4000  # rows: below and above the size from which there is a kernel


class Base(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(8, 8), nn.Linear(8, 8), act


class Added(Base):
    def forward(self, x):
        h = self.act(self.a(x))
        h += x
        return self.b(h)


class Multiplied(Base):
    def forward(self, x):
        h = self.act(self.a(x))
        return self.b(h.mul_(2))


class Rectified(Base):
    def forward(self, x):
        h = self.act(self.a(x))
        return self.b(torch.clamp_(h, min=0))


class Masked(Base):
    def forward(self, x):
        h = self.act(self.a(x))
        h[:, 0] = 0
        return self.b(h)


class Viewed(Base):
    def forward(self, x):
        h = self.act(self.a(x)).view(-1, 2, 4)
        h -= 1
        return self.b(h.flatten(1))


class Dropped(Base):
    def __init__(self, act):
        super().__init__(act)
        self.drop = nn.Dropout(0.5, inplace=True)

    def forward(self, x):
        return self.b(self.drop(self.act(self.a(x))))


class InARow(Base):
    def __init__(self, act):
        super().__init__(None)
        self.net = nn.Sequential(nn.Sequential(self.a, act), nn.Identity(), nn.Dropout(0.5, inplace=True))

    def forward(self, x):
        return self.b(self.net(x))


class InALoop(Base):
    def __init__(self, act):
        super().__init__(None)
        self.net = nn.ModuleList([self.a, act, nn.Dropout(0.5, inplace=True), self.b])

    def forward(self, x):
        for layer in self.net:
            x = layer(x)
        return x


class Inside(Base):
    """One method makes it, another changes it."""

    def forward(self, x):
        h = self.hidden(x)
        self.shift(h, x)
        return self.b(h)

    def hidden(self, x):
        return self.act(self.a(x))

    def shift(self, h, by):
        h += by


class Shifting(nn.Module):
    def forward(self, h):
        h -= 1
        return h


class Elsewhere(Base):
    """Another module changes what it is given."""

    def __init__(self, act):
        super().__init__(None)
        self.net = nn.Sequential(self.a, act, Shifting(), self.b)

    def forward(self, x):
        return self.net(x)


class Kept(Base):
    """It is held under other names than a local one."""

    def forward(self, x):
        self.kept = {"h": self.act(self.a(x))}["h"]
        self.kept += x
        return self.b(self.kept)


class Passed(Base):
    """It comes through modules that may return what they are given, from a block that ends in it."""

    def __init__(self, act):
        super().__init__(None)
        self.block, self.drop = Ending(act), nn.Dropout(0.0)

    def forward(self, x):
        h = self.drop(self.block(x))
        h += x
        return self.b(h)


class Ending(Base):
    def forward(self, x):
        return self.act(self.a(x))


class ByPosition(Base):
    def forward(self, x):
        h = self.act(self.a(x))
        F.dropout(h, 0.5, self.training, True)
        return self.b(h)


class Before(Base):
    """The input of the activation changes after it ran."""

    def forward(self, x):
        h = self.a(x)
        h += self.b(self.act(h))
        return h


class BeforeInARow(Base):
    def __init__(self, act):
        super().__init__(None)
        self.net = nn.Sequential(nn.Identity(), act, self.b)

    def forward(self, x):
        h = self.a(x)
        y = self.net(h)
        h.mul_(2)
        return h + y


CHANGED = [Added, Multiplied, Rectified, Masked, Viewed, Dropped, InARow, InALoop, Inside, Elsewhere]
CHANGED += [Kept, Passed, ByPosition]
CASES = [
    *itertools.product(CHANGED, [nn.GELU, nn.ELU]),
    *itertools.product([Before, BeforeInARow], [nn.ReLU]),
]


def train(model, rows):
    model(torch.randn(rows, 8)).square().sum().backward()


@pytest.mark.parametrize(("kind", "act"), CASES)
def test_whatever_is_chosen_trains(kind, act):
    train(kind(act()), SMALL)  # torch lets it pass
    for name in NAMES:
        model = kind(act())
        paths = list(find_layers(model, NAMES).layers)
        train(apply(model, dict.fromkeys(paths, name)), SMALL)
        train(apply(finalize(model), dict.fromkeys(paths, "tanh")), SMALL)
        train(apply(finalize(model), dict.fromkeys(paths, "gelu")), SMALL)


@pytest.mark.parametrize(("kind", "act"), CASES)
@pytest.mark.parametrize("start", ["same", pytest.param("uniform", marks=pytest.mark.slow)])
def test_mixtures_train_on_every_way_and_with_every_release(kind, act, start):
    for rows, release in itertools.product((SMALL, LARGE), (0.0, 0.5, 1.0)):
        model = convert(kind(act()), NAMES, start=start)
        for layer in auto_layers(model).values():
            layer.release.fill_(release)
        train(model, rows)
    train(finalize(model), SMALL)


@pytest.mark.parametrize(("kind", "act"), CASES)
def test_gradients_are_those_of_the_original(kind, act):
    model, x = kind(act()).eval(), torch.randn(SMALL, 8)
    gradients = []
    for each in (model, convert(copy.deepcopy(model), NAMES)):
        each(x).square().sum().backward()
        gradients.append([p.grad for p in each.get_submodule("a").parameters()])
    for got, want in zip(*gradients, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


class HardSwish(Base):
    def forward(self, x):
        h = self.a(x)
        return self.b(h * F.relu6(h + 3, inplace=True) / 6)


class SqueezeExcite(nn.Module):
    """As torchvision's MobileNetV3 has it."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.activation, self.scale_activation = nn.ReLU(), nn.Hardsigmoid()

    def forward(self, x):
        scale = self.activation(self.fc1(x.mean((2, 3), keepdim=True)))
        return self.scale_activation(self.fc2(scale)) * x


class Inverted(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Hardswish(inplace=True)),
            SqueezeExcite(),
            nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)),
        )

    def forward(self, x):
        result = self.block(x)
        result += x
        return result


def test_blocks_of_mobile_networks_train():
    for name in ["relu", "tanh", "hardswish"]:
        for make, x in (
            (lambda: HardSwish(nn.ReLU()), torch.randn(4, 8)),
            (
                lambda: nn.Sequential(Inverted(), Inverted(), nn.Flatten(), nn.Linear(64, 1)),
                torch.randn(2, 4, 4, 4),
            ),
        ):
            model = make()
            layers = find_layers(model, [name]).layers
            assert layers
            for changed in (
                apply(model, dict.fromkeys(layers, name)),
                convert(make(), [name], start="uniform"),
            ):
                changed(x).sum().backward()


def test_where_nothing_changes_in_place_modules_are_torchs_own():
    class Ordinary(Base):
        def forward(self, x):
            h = self.act(self.a(x))
            h = h + x
            copied = self.act(h).clone()
            copied += 1
            outs = [self.act(copied)]
            outs += [x]
            total = torch.cat(outs)
            total.mul_(2)
            return self.b(total)

    for act in (nn.GELU(), nn.ReLU()):
        model = Ordinary(act)
        layers = find_layers(model).layers
        apply(model, dict.fromkeys(layers, "tanh"))
        assert [type(model.get_submodule(path)) for path in layers] == [nn.Tanh] * len(layers)
        model(torch.randn(4, 8)).sum().backward()


class Repeated(nn.Module):
    """One layer per turn of a loop."""

    def __init__(self):
        super().__init__()
        self.layers, self.act = nn.ModuleList(nn.Linear(8, 8) for _ in range(3)), nn.GELU()

    def forward(self, x):
        for layer in self.layers:
            h = self.act(layer(x))
            h += x
            x = h
        return x


@pytest.mark.filterwarnings("ignore:One module instance was used in several places")
def test_so_do_the_turns_of_a_loop():
    paths = list(find_layers(Repeated(), NAMES).layers)
    for name in NAMES:
        train(apply(Repeated(), dict.fromkeys(paths, name)), SMALL)
    train(convert(Repeated(), NAMES), LARGE)
