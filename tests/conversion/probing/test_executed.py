"""Executed activations: what runs with an example input and is no layer is named, by file and line."""

import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoact import convert, find_layers
from autoact.conversion import Watch
from autoact.errors import ConversionError

X = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
FUNCTIONS = {"gelu": F.gelu}


class Base(nn.Module):
    """One layer that is found, beside whatever a subclass does."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.act(self.other(self.a(x))))

    def other(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class ByName(Base):
    name = "silu"

    def other(self, x: Tensor) -> Tensor:
        return getattr(F, self.name)(x)  # here


class InAList(Base):
    def __init__(self):
        super().__init__()
        self.held = [nn.ELU()]

    def other(self, x: Tensor) -> Tensor:
        return self.held[0](x)  # here


class InADictionary(Base):
    def __init__(self):
        super().__init__()
        self.held = {"act": nn.Mish()}

    def other(self, x: Tensor) -> Tensor:
        return self.held["act"](x)  # here


class OfTheModule(Base):
    def other(self, x: Tensor) -> Tensor:
        return FUNCTIONS["gelu"](x)  # here


class OfATen(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch.ops.aten.tanh(x)  # here


class OfAnOverload(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch.ops.aten.tanh.default(x)  # here


class Clamped(Base):
    def other(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)  # here


class ClampedByTorch(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch.clamp(x, 0.0)  # here


class ClampedOnBothSides(Base):
    def other(self, x: Tensor) -> Tensor:
        return x.clamp(0, 6)  # here


class Thresholded(Base):
    def other(self, x: Tensor) -> Tensor:
        return F.threshold(x, 0.1, 0.0)  # here


class Maximum(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch.maximum(x, torch.zeros_like(x))  # here


class Glu(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch._C._nn.glu(torch.cat([x, x], -1))  # here


class Shared(Base):
    act_of_the_class = staticmethod(F.silu)

    def other(self, x: Tensor) -> Tensor:
        return self.act_of_the_class(x)  # here


@torch.jit.script
def scripted(x: Tensor) -> Tensor:
    return torch.sigmoid(x) + 1


class CallsScripted(Base):
    def other(self, x: Tensor) -> Tensor:
        return scripted(x)  # here


class Adding:
    def __call__(self, x: Tensor) -> Tensor:
        return F.selu(x) + 1  # here


class HoldsAnObject(Base):
    def __init__(self):
        super().__init__()
        self.held = Adding()

    def other(self, x: Tensor) -> Tensor:
        return self.held(x)


def test_who_calls_a_function_elsewhere_is_named_too() -> None:
    said = find_layers(HoldsAnObject(), example_input=X).left_alone["forward"]
    assert re.search(r"line \d+\), called at test_executed.py, line \d+,", said)


def lines() -> dict[int, str]:
    with open(__file__, encoding="utf-8") as source:
        return dict(enumerate(source, start=1))


UNSAID = {
    ByName: "silu",
    InAList: "elu",
    InADictionary: "mish",
    OfTheModule: "gelu",
    OfATen: "tanh",
    OfAnOverload: "tanh",
    Clamped: "relu",
    ClampedByTorch: "relu",
    ClampedOnBothSides: "relu6",
    Thresholded: "threshold",
    Maximum: "relu",
    Glu: "glu",
    Shared: "silu",
    CallsScripted: "sigmoid",
    HoldsAnObject: "selu",
}


@pytest.mark.parametrize(("kind", "name"), UNSAID.items())
def test_what_runs_and_is_no_layer_is_named_with_its_line(kind: type[nn.Module], name: str) -> None:
    model = nn.Sequential(kind(), nn.Linear(4, 4))
    with Watch(model, {"0.act"}) as watch:
        model(X)
    (line,) = {each.where[1] for each in watch.found if each.name == name and each.path == "0"}
    assert lines()[line].rstrip().endswith("# here")
    plan = find_layers(model, example_input=X)
    assert list(plan.layers) == ["0.act"]
    assert f"(test_executed.py, line {line})" in plan.left_alone["0.forward"]


@pytest.mark.parametrize("kind", [InAList, InADictionary, Glu, Shared, HoldsAnObject])
def test_what_no_source_shows_is_named_by_what_runs(kind: type[Base]) -> None:
    said = find_layers(kind(), example_input=X).left_alone["forward"]
    assert f"runs {UNSAID[kind]} (test_executed.py, line" in said


class Composites(Base):
    """What computes activations inside, and is something else."""

    def __init__(self):
        super().__init__()
        self.norm, self.cell = nn.LayerNorm(4), nn.LSTM(4, 4)
        self.attention = nn.MultiheadAttention(4, 1)
        self.scale = nn.Parameter(torch.zeros(()))

    def other(self, x: Tensor) -> Tensor:
        x = self.norm(F.softmax(x, -1)) * torch.sigmoid(self.scale)
        x = self.cell(x)[0] + self.attention(x, x, x)[0]
        return x + self.my_loss(x).detach() + x.clamp(min=1e-3) + x.clamp(-1, 1)

    def my_loss(self, x: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, torch.ones_like(x)) + getattr(F, "relu")(x).mean()  # noqa: B009


class Said(Base):
    """Left alone for another reason."""

    def other(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(
            x,
        )
        return gate * x


@pytest.mark.parametrize("kind", [Composites, Said])
def test_what_is_something_else_or_said_already_is_not_named_again(kind: type[nn.Module]) -> None:
    model = kind()
    assert find_layers(model, example_input=X).left_alone == find_layers(model).left_alone


def test_layers_are_not_named() -> None:
    class Everything(Base):
        def __init__(self):
            super().__init__()
            self.held: Any = F.elu

        def other(self, x: Tensor) -> Tensor:
            return self.held(F.mish(F.gelu(x)))

    model = Everything()
    for _ in range(2):
        plan = find_layers(model, ["relu", "tanh"], example_input=X)
        assert not plan.left_alone
        convert(model, ["relu", "tanh"])


class Nothing(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.a(x).clamp(min=0)


def test_the_refusal_names_what_ran() -> None:
    model = Nothing()
    with pytest.raises(ConversionError, match=r"none is called.*runs relu \(test_executed.py, line \d+\)"):
        find_layers(model, example_input=X)
    del model.act
    with pytest.raises(
        ConversionError, match=r"Nothing to convert.*runs relu \(test_executed.py, line \d+\)"
    ):
        find_layers(model, example_input=X)


def test_one_line_of_many_modules_is_said_once() -> None:
    model = nn.Sequential(*(InAList() for _ in range(3)))
    said = [
        path for path, reason in find_layers(model, example_input=X).left_alone.items() if "runs" in reason
    ]
    assert said == ["0.forward"]


def test_compiled_models_are_watched_too() -> None:
    model: Any = torch.compile(InAList(), backend="eager")
    assert "runs elu" in str(find_layers(model, example_input=X).left_alone)


class Mish(nn.Module):
    """An activation of one's own, which is a layer as a whole."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.tanh(F.softplus(x))


def test_what_a_layer_itself_runs_is_not_named() -> None:
    model = nn.Sequential(nn.Linear(4, 4), Mish(), nn.Linear(4, 4))
    plan = find_layers(model, example_input=X)
    assert [str(choice) for choice in plan.layers.values()] == ["mish"]
    assert not plan.left_alone


@pytest.mark.filterwarnings("ignore:.torch.jit.trace")
def test_scripted_parts_run_beside_others() -> None:
    scripted: Any = torch.jit.trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), X)
    plan = find_layers(nn.Sequential(scripted, nn.GELU(), nn.Linear(4, 4)), example_input=X)
    assert list(plan.layers) == ["1"]
    assert "runs relu" in plan.left_alone["0.forward"]
