"""Code that works in place around an activation trains after conversion, whatever is chosen."""

import copy
import functools
import itertools
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize, find_layers, recipe, replay
from autoact.errors import ConversionError
from autoact.spaces import LayerRule, SearchSpace

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
        F.dropout(h, 0.0, True, True)
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


@pytest.mark.parametrize(("kind", "act"), CASES)
@pytest.mark.parametrize("start", ["same", "uniform"])
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


class Branch(nn.Module):
    def __init__(self, first=None):
        super().__init__()
        self.branch = nn.Sequential(first or nn.ReLU(inplace=True), nn.Linear(8, 8))

    def forward(self, x):
        h = x * 1
        return h + self.branch(h)


class Looping(Branch):
    def __init__(self):
        super().__init__()
        self.branch = nn.ModuleList(self.branch)

    def forward(self, x):
        y = h = x * 1
        for layer in self.branch:
            y = layer(y)
        return h + y


class Collecting(Branch):
    """What runs before an activation in place is kept, and changes with it."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8))

    def forward(self, x):
        kept = []
        for layer in self.branch:
            x = layer(x)
            kept.append(x)
        return sum(kept)


BEGINNINGS = [
    Branch,
    Looping,
    Collecting,
    lambda: Branch(nn.Sequential(nn.Identity(), nn.Dropout(0.0), nn.ReLU(inplace=True))),
]


@pytest.mark.parametrize("make", BEGINNINGS)
def test_an_activation_that_changes_its_input_goes_on_doing_so(make):
    torch.manual_seed(0)
    model, x = make(), torch.randn(4, 8, requires_grad=True)
    want = model(x)
    (slope,) = torch.autograd.grad(want.square().sum(), x)
    converted = convert(copy.deepcopy(model), NAMES)
    fixed = apply(copy.deepcopy(model), dict.fromkeys(auto_layers(converted), "relu"))
    for each in (converted, fixed, replay(copy.deepcopy(model), recipe(converted)), finalize(converted)):
        got = each(x)
        assert torch.equal(got, want)
        torch.testing.assert_close(torch.autograd.grad(got.square().sum(), x)[0], slope)


@pytest.mark.parametrize("make", BEGINNINGS)
@pytest.mark.parametrize("name", ["leaky_relu", "tanh", "prelu", "swish", "sigmoid"])
def test_so_does_what_is_chosen_in_its_place(make, name):
    model, x = make(), torch.randn(4, 8)
    (path,) = find_layers(model).layers
    seen = []
    apply(model, {path: name})
    layer = model.get_submodule(path)
    layer.register_forward_hook(lambda module, args, result: seen.append((args[0], result)))
    model(x).sum().backward()
    assert torch.equal(*seen[0])
    apply(model, {path: "relu"})
    assert str(model.get_submodule(path)) == "ReLU(inplace=True)"


class Positional(nn.Module):
    def forward(self, x):
        h = x * 1
        return h + 2 * F.relu(h, True)


class Partial(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = functools.partial(F.relu, inplace=True)

    def forward(self, x):
        h = x * 1
        return h + 2 * self.act(h)


@pytest.mark.parametrize("kind", [Positional, Partial])
def test_however_a_call_is_told_to_work_in_place(kind):
    model, x = kind(), torch.randn(4, 8)
    want = model(x)
    assert torch.equal(want, 3 * F.relu(x))
    assert torch.equal(convert(kind())(x), want)
    (path,) = find_layers(model).layers
    assert torch.equal(apply(model, {path: "tanh"})(x), 3 * torch.tanh(x))


def test_slopes_are_learned_where_the_input_changes():
    model = apply(Branch(), {"branch.0": "prelu"})
    model(-torch.ones(2, 8)).sum().backward()
    assert model.branch[0].weight.grad is not None
    assert find_layers(model).layers["branch.0"].activation == "prelu"


def test_a_leaf_that_is_learned_is_refused_as_before():
    x = torch.randn(4, 8, requires_grad=True)
    for model in (Branch(), convert(Branch()), apply(Branch(), {"branch.0": "tanh"})):
        with pytest.raises(RuntimeError, match="leaf Variable"):
            model.branch(x)


def test_in_the_middle_of_a_row_nothing_is_copied():
    row = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8))
    assert convert(copy.deepcopy(row))[1].in_place is None
    assert type(apply(row, {"1": "tanh"})[1]) is nn.Tanh


def test_a_layer_cannot_change_its_input_in_some_of_its_places_only():
    space = SearchSpace("one", ("relu", "tanh"), layers=(LayerRule(match="*", share="group"),))
    plain = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    model = nn.Sequential(Branch(), plain)
    with pytest.raises(ConversionError, match=r"0\.branch\.0 changes its input and 1\.1 does not"):
        convert(model, space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, x = nn.Sequential(Branch(), Branch()), torch.randn(4, 8)
        want = model(x)
        assert torch.equal(convert(model, space)(x), want)
