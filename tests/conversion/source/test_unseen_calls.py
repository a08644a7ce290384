"""Unseen calls: said without any example input, by what the source and the objects show."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoact import find_layers

TABLE: dict[str, Any] = {"gelu": F.gelu, "tanh": nn.Tanh()}


class Base(nn.Module):
    held: list[Any]
    act: Any

    def __init__(self):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()
        self.held, self.name = [nn.ELU(), F.silu, nn.Linear(1, 1)], "mish"
        self.kinds = {"a": nn.Softsign}

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.act(self.other(self.a(x))))

    def other(self, x: Tensor) -> Tensor:
        return x


class Subscript(Base):
    def other(self, x: Tensor) -> Tensor:
        return TABLE[self.name](x)


class Fetched(Base):
    def other(self, x: Tensor) -> Tensor:
        return getattr(F, self.name)(x)


class Operator(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch.ops.aten.relu(x)


class Clamp(Base):
    def other(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)


class TorchClamp(Base):
    def other(self, x: Tensor) -> Tensor:
        return torch.clamp(x, 0.0)


@torch.jit.script
def scripted(x: Tensor) -> Tensor:
    return torch.sigmoid(x) + 1


class Scripted(Base):
    def other(self, x: Tensor) -> Tensor:
        return scripted(x)


UNSEEN = {
    Subscript: "which of gelu, tanh it takes from the table",
    Fetched: "which function has that name",
    Operator: "an operator of torch",
    Clamp: "computes relu by a formula",
    TorchClamp: "computes relu by a formula",
    Scripted: "it is scripted",
}


@pytest.mark.parametrize(("kind", "said"), UNSEEN.items())
def test_calls_are_named_by_file_and_line(kind: type[nn.Module], said: str) -> None:
    plan = find_layers(nn.Sequential(kind(), nn.Linear(4, 4)))
    assert list(plan.layers) == ["0.act"]
    assert re.search(rf"\(test_unseen_calls.py, line \d+\), and .*{said}", plan.left_alone["0.forward"])
    assert plan.left_alone["0.held"].startswith("holds elu, silu in a list")
    assert "0.kinds" not in plan.left_alone


class Others(Base):
    """Calls of the same forms that are no activations."""

    def __init__(self):
        super().__init__()
        self.held = [nn.Linear(4, 4)]

    def other(self, x: Tensor) -> Tensor:
        x = self.held[0](x.clamp(min=1e-3).clamp(0, 6)).clamp(max=0)
        return getattr(self, "a")(torch.ops.aten.neg(x))  # noqa: B009


def test_nothing_is_said_of_other_calls() -> None:
    assert find_layers(Others()).left_alone == {}


def test_scripted_parts_are_named() -> None:
    part = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    plan = find_layers(nn.Sequential(part, nn.GELU(), nn.Linear(4, 4)))
    assert "scripted code" in plan.left_alone["0"]


@dataclass(slots=True)
class Parts:
    act: Any
    setting: Any = F.gelu


def test_a_module_in_a_dataclass_is_named_and_a_function_there_is_a_setting():
    model: Any = Base()
    model.held = []
    model.parts, model.settings = Parts(nn.ReLU()), Parts(F.relu)
    left_alone = find_layers(model).left_alone
    assert left_alone["parts"] == "holds relu in a Parts; make each an attribute"
    assert "settings" not in left_alone


def test_calls_in_a_traced_graph_are_told():
    class Inner(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.gelu(x).relu_()

    model = nn.Sequential(nn.Linear(2, 2), torch.fx.symbolic_trace(Inner()), nn.ReLU(), nn.Linear(2, 2))
    plan = find_layers(model)
    assert list(plan.layers) == ["2"]
    assert plan.left_alone["1.forward"] == "its traced graph calls gelu, relu; convert the model it is of"
