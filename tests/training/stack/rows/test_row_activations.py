"""Rows of equal activation are computed together, exactly, and at the price of one activation."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from autoact.activations import list_activations
from autoact.nn import module_for
from autoact.spaces import Choice
from autoact.training.stack._networks import Networks, stacked
from autoact.training.stack.rows import RowActivations
from tests.training.stack.strangers import CLASSES, Table


def in_stack(layer: RowActivations, x: Tensor, states: dict[str, Tensor] | None = None) -> Tensor:
    given = {"row": torch.zeros(len(x)), **(states or {})}
    return torch.vmap(lambda own, rows: functional_call(layer, own, (rows,)), randomness="error")(given, x)


@pytest.mark.parametrize(
    "names", [("relu", "tanh", "relu", "swish"), ("sin", "sin", "gelu", "elu"), ("hill",) * 4]
)
def test_value_and_gradient_are_those_of_each_activation(names: tuple[str, ...]) -> None:
    x = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    y = in_stack(RowActivations([Choice(name) for name in names]).double(), x)
    own = torch.stack([module_for(Choice(name))(row) for name, row in zip(names, x, strict=True)])
    assert torch.allclose(y, own, rtol=1e-12, atol=0)
    weights = torch.randn_like(y)
    found, expected = (torch.autograd.grad((each * weights).sum(), x)[0] for each in (y, own))
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", list_activations())
def test_every_registered_activation_may_stand_in_a_stack(name: str) -> None:
    x = torch.randn(3, 2, 5, requires_grad=True)
    layer = RowActivations([Choice(name), Choice("tanh"), Choice(name)])
    states = {key: p.expand(3, *p.shape) for key, p in layer.named_parameters()}
    y = in_stack(layer, x, states)
    own = torch.stack(
        [module_for(Choice(each))(row) for each, row in zip((name, "tanh", name), x, strict=True)]
    )
    torch.testing.assert_close(y, own)
    found, expected = (torch.autograd.grad(each.sum(), x)[0] for each in (y, own))
    torch.testing.assert_close(found, expected)


def test_slopes_have_their_own_gradient_for_each_network() -> None:
    layer = RowActivations([Choice("prelu", slope=0.1), Choice("relu"), Choice("prelu", slope=0.1)])
    assert [layer.slope_of(member) for member in range(3)] == ["weight", None, "weight"]
    slopes = torch.full((3, 1), 0.1, requires_grad=True)
    x = torch.tensor([[-1.0, 2.0], [-3.0, 1.0], [-5.0, -1.0]])
    y = in_stack(layer, x, {"weight": slopes})
    assert torch.allclose(y, torch.tensor([[-0.1, 2.0], [0.0, 1.0], [-0.5, -0.1]]))
    assert torch.autograd.grad(y.sum(), slopes)[0].flatten().tolist() == [-1.0, 0.0, -6.0]


def test_parameters_for_each_channel_run_along_the_same_dimension() -> None:
    choices = [Choice("swish", beta=(0.5, 2.0)), Choice("prelu", slope=(0.1, 0.3)), Choice("tanh")]
    x = torch.randn(3, 4, 2, 5)
    layer = RowActivations(choices)
    y = in_stack(layer, x, {"weight": torch.tensor([0.1, 0.3]).expand(3, 2)})
    own = torch.stack([module_for(choice)(row) for choice, row in zip(choices, x, strict=True)])
    torch.testing.assert_close(y, own)


def test_a_layer_of_a_stack_runs_for_the_whole_stack_only() -> None:
    layer = RowActivations([Choice("relu"), Choice("tanh")])
    with pytest.raises(RuntimeError, match="whole stack only"):
        layer(torch.ones(2))


class Counted(TorchDispatchMode):
    """Counts calls of operators, those of backward included."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls[str(func)] += 1
        return func(*args, **(kwargs or {}))


def calls(module: type[Table], x: Tensor, names: list[str]) -> Counter[str]:
    shape: Any = module()
    layer = RowActivations([Choice(name) for name in names])
    shape.net[1] = layer
    states = [dict((*each.named_parameters(), *each.named_buffers())) for each in (module() for _ in names)]
    networks = Networks(shape, states, {name for name, _ in shape.named_buffers()})
    batch = stacked([(x, torch.randint(0, CLASSES, (len(x),)))], None)
    optimizer = torch.optim.Adam(networks.parameters.values(), foreach=True)
    with Counted() as counted:
        networks.training_step(batch, 0)[0].sum().backward()
        optimizer.step()
    return counted.calls


class Convolutions(Table):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, CLASSES)
        )


class Attention(Table):
    def __init__(self) -> None:
        super().__init__()
        encoder = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
        self.net = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), encoder, nn.Flatten(), nn.Linear(12, CLASSES))


@pytest.mark.parametrize(
    ("module", "x"),
    [(Table, torch.ones(5, 6)), (Convolutions, torch.ones(5, 1, 6, 6)), (Attention, torch.ones(5, 2, 6))],
    ids=["perceptron", "convolutions", "attention"],
)
def test_operator_calls_grow_with_activations_not_with_networks(module: type[Table], x: Tensor) -> None:
    kinds = ["relu", "tanh", "sin", "gelu"]
    few, many = calls(module, x, kinds), calls(module, x, sorted(kinds * 4))
    assert few.total() > 0
    assert many == few
    assert calls(module, x, ["relu"] * 16).total() < few.total()
    together_and_back = Counter({"aten.index_select.default": 4})  # forward and backward
    assert calls(module, x, kinds * 4) == few + together_and_back
