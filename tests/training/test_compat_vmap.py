"""What runs for many networks at once is what `torch.vmap` and `functional_call` make of it."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from autoact.training._compat_vmap import for_all, holding, places, vmapped


class Tied(nn.Module):
    """Two layers with one weight, and a buffer that counts."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return self.second(self.first(x).tanh())


def test_many_networks_do_what_vmap_of_functional_call_does() -> None:
    module, x = Tied(), torch.randn(4, 5, 3)
    named = (*module.named_parameters(), *module.named_buffers())
    stacks = {name: torch.randn(4, *tensor.shape) for name, tensor in named}
    expected = torch.vmap(lambda own, rows: functional_call(module, own, (rows,)))(
        {name: tensor.clone() for name, tensor in stacks.items()}, x
    )
    before = stacks["calls"].clone()
    with vmapped(4) as level, holding(places(module), {k: level.inside(t) for k, t in stacks.items()}):
        found = level.outside(module(level.inside(x)))
    assert torch.equal(found, expected)
    assert torch.equal(stacks["calls"], before + 1)  # in place
    assert module.second.weight is module.first.weight is named[0][1]


def test_a_function_of_all_sees_whole_tensors_and_torch_follows_its_gradient() -> None:
    x = torch.randn(3, 4, requires_grad=True)
    with vmapped(3) as level:
        rows = level.inside(x.movedim(0, 0))
        y = level.outside(for_all(lambda whole: whole * whole.sum(0), rows, rows.unsqueeze(0)).squeeze(0))
    (expected,) = torch.autograd.grad((x * x.sum(0)).sum(), x)
    assert torch.allclose(torch.autograd.grad(y.sum(), x)[0], expected)


def test_what_all_share_is_expanded() -> None:
    shared = torch.ones(2)
    with vmapped(3) as level:
        row = level.inside(torch.arange(3.0))
        assert level.outside(for_all(lambda whole: whole.cumsum(0), row, shared)).tolist()[2] == [3.0, 3.0]


def test_random_numbers_are_refused() -> None:
    with pytest.raises(RuntimeError, match="random operation"), vmapped(2) as level:
        torch.dropout(level.inside(torch.ones(2, 3)), 0.5, True)


def test_other_transforms_are_refused() -> None:
    with pytest.raises(RuntimeError, match="whole stack only"):
        for_all(lambda x: x, torch.ones(2), torch.ones(2))
    with vmapped(2) as level:
        row = level.inside(torch.zeros(2))
        with pytest.raises(RuntimeError, match="differentiates by itself"):
            grad(lambda x: for_all(lambda whole: whole, row, x).sum())(torch.ones(3))
        with pytest.raises(RuntimeError, match=r"uses torch.vmap itself"):
            torch.vmap(lambda x: for_all(lambda whole: whole, row, x))(torch.ones(3))


def test_a_module_has_its_own_tensors_again_after_an_error() -> None:
    layer = nn.Linear(2, 1)
    weight = layer.weight
    with pytest.raises(KeyError), holding(places(layer), {"weight": torch.ones(1, 2)}):
        pass
    assert layer.weight is weight
