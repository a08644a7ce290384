"""What a call keeps is counted by storage, once."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from autoact import AutoActivation
from autoact.latency import Kept, kept_for_backward

X = torch.randn(10, 100, requires_grad=True)


def twice(x: Tensor) -> Tensor:
    return x.sin() * x.view(100, 10).exp().view(10, 100)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (torch.relu, Kept(total=4000, output=4000)),
        (torch.tanh, Kept(total=4000, output=4000)),
        (F.silu, Kept(total=4000, output=0)),
        (torch.neg, Kept(total=0, output=0)),
        (twice, Kept(total=12000, output=0)),  # x once, however often it is needed; its sine; its exponential
    ],
)
def test_bytes_are_those_of_the_tensors_that_are_kept(function, expected):
    assert kept_for_backward(lambda: function(X)) == expected


def test_parameters_do_not_count():
    layer = torch.nn.PReLU(100)
    assert kept_for_backward(lambda: layer(X), layer.parameters()).total == 4000
    assert kept_for_backward(lambda: layer(X)).total == 4400


def test_half_precision_keeps_half():
    x = X.detach().bfloat16().requires_grad_()
    assert kept_for_backward(lambda: F.silu(x)).total == 2000


def test_a_mixture_keeps_little_more_than_its_input():
    layer = AutoActivation(["relu", "elu", "silu", "tanh"])
    kept = kept_for_backward(lambda: layer(X), (*layer.parameters(), *layer.buffers()))
    assert 4000 <= kept.total <= 4400
