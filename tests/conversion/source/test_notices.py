import functools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import convert, find_layers
from autoact.errors import ConversionError


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()


def block(x):
    return inner(x) + 2


def shifted(x):
    return F.gelu(x) + 1


def inner(x):
    return F.gelu(x) - 1


def decorated(method):
    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        return method(*args, **kwargs)

    return wrapper


class Passing(Net):
    def forward(self, x):
        act = torch.tanh
        return self.two(self.act(act(self.one(x))))


class Prelu(Net):
    def forward(self, x):
        return self.two(self.act(F.prelu(self.one(x), torch.ones(1))))


class Outside(Net):
    def forward(self, x):
        return self.two(self.act(block(self.one(x))))


class Lambda(Net):
    def __init__(self):
        super().__init__()
        self.held = lambda x: F.elu(x) + 1

    def forward(self, x):
        return self.two(self.act(self.held(self.one(x))))


class HoldsBlock(Net):
    def __init__(self):
        super().__init__()
        self.held = shifted

    def forward(self, x):
        return self.two(self.act(self.held(self.one(x))))


class Below(Net):
    def forward(self, x):
        return self.two(self.act(F.silu(self.one(x))))


class Above(Below):
    def forward(self, x):
        return super().forward(self.act(x))


class Static(Net):
    @staticmethod
    def part(x):
        return F.mish(x)

    def forward(self, x):
        return self.two(self.act(self.part(self.one(x))))


class Runtime(Net):
    def forward(self, x, slope: float = 0.1):
        return self.two(self.act(F.leaky_relu(self.one(x), slope)))


class Chain(nn.Sequential):
    def forward(self, x):
        for module in self:
            x = F.relu(module(x))
        return x


class Walking(Net):
    def forward(self, x):
        for module in self.children():
            x = F.relu(module(x))
        return x


CASES = [
    (Passing, "forward", r"passes torch.tanh \(test_notices.py, line \d+\) on"),
    (Prelu, "forward", r"calls F.prelu \(test_notices.py, line \d+\); its slope is a parameter"),
    (Outside, "forward", r"calls F.gelu \(test_notices.py, line \d+\) inside the function inner"),
    (Lambda, "forward", r"calls F.elu \(test_notices.py, line \d+\) inside a function made in __init__"),
    (HoldsBlock, "held", r"calls F.gelu \(test_notices.py, line \d+\) inside the function shifted"),
    (Above, "forward", r"calls F.silu \(test_notices.py, line \d+\) by super\(\)"),
    (Static, "mish_1", r"F.mish \(test_notices.py, line \d+\) cannot be rewritten: part is a property"),
    (Runtime, "leaky_relu_1", r"cannot be rewritten: its setting slope is known only when the model runs"),
    (lambda: Chain(nn.ReLU()), "relu_1", "Chain is a container"),
    (Walking, "relu_1", "forward reads self.children, which a new layer would change"),
]


@pytest.mark.parametrize(("make", "path", "reason"), CASES, ids=[case[2][:20] for case in CASES])
def test_what_is_not_converted_is_named_by_file_and_line(make, path, reason):
    plan = find_layers(nn.Sequential(make(), nn.Linear(4, 4), nn.ReLU()))
    assert f"0.{path}" in plan.left_alone
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(plan.left_alone[f"0.{path}"])


class Initialized(Below):
    def init_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)


def test_methods_that_forward_does_not_run_may_walk_through_modules():
    assert "silu_1" in find_layers(Initialized()).layers


class Decorated(Net):
    @decorated
    @torch.no_grad()
    def forward(self, x):
        return self.two(F.relu(self.one(x)))


def test_decorators_stay_around_a_rewritten_method():
    model = convert(Decorated())
    x = torch.ones(2, 4)
    assert not model(x).requires_grad
    assert "relu_1" in dict(model.named_children())


def local_decorator():
    def here(method):
        return decorated(method)

    class Local(Net):
        @here
        def forward(self, x):
            return self.two(F.relu(self.one(x)))

    return Local()


def test_a_decorator_that_is_gone_is_said():
    reason = find_layers(local_decorator()).left_alone["relu_1"]
    assert "its decorator @here is not at hand" in reason


def test_a_method_replaced_on_the_object_is_not_rewritten():
    model = Below()
    vars(model)["forward"] = functools.partial(Below.forward, model)
    assert "forward was replaced on this object" in find_layers(model).left_alone["silu_1"]


def test_classes_without_source_are_left_as_they_are():
    names: dict[str, Any] = {"nn": nn, "F": F}
    exec("class Shell(nn.Module):\n def forward(self, x):\n  return F.relu(x)", names)
    with pytest.raises(ConversionError, match=r"Nothing to convert in Shell.*source cannot be read"):
        convert(names["Shell"]())


class Quantized(Net):
    def __init__(self):
        super().__init__()
        self.add = torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x):
        x = self.act(self.one(x))
        return self.two(self.add.add_relu(x, x))


def test_an_add_with_a_relu_is_told_without_an_input():
    found = find_layers(Quantized(), ["relu", "elu"])
    assert list(found.layers) == ["act"]
    assert "calls self.add.add_relu (test_notices.py, line" in found.left_alone["forward"]


class Held(nn.Module):
    """Methods that an object keeps are those that its class had: rewriting its class does not reach them."""

    step: Any

    def __init__(self, hold: Any):
        super().__init__()
        self.a, self.act = nn.Linear(4, 4), nn.GELU()
        self.step = hold(self)

    def inner(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.a(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        step = self.step["inner"] if isinstance(self.step, dict) else self.step
        return self.act(step(x)) + self.inner(x)


@pytest.mark.parametrize(
    "hold",
    [lambda self: self.inner, lambda self: {"inner": self.inner}, lambda self: functools.partial(self.inner)],
)
def test_methods_that_an_object_holds_are_not_rewritten(hold):
    plan = find_layers(Held(hold))
    assert list(plan.layers) == ["act"]
    assert "self.step holds inner as it was; call self.inner(...) instead" in plan.left_alone["relu_1"]
