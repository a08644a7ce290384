"""Settings that a call gives to a function held in an attribute are read as those of a direct call."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, find_layers
from autoact.errors import ConversionError
from autoact.spaces import Choice

X = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))


class Held(nn.Module):
    slope = 0.3

    def __init__(self, act=F.elu):
        super().__init__()
        self.a, self.act = nn.Linear(4, 4), act


class ByKeyword(Held):
    def forward(self, x):
        return self.a(self.act(self.a(x), alpha=0.3))


class ByPosition(Held):
    def forward(self, x):
        return self.a(self.act(self.a(x), self.slope))


class Computed(Held):
    def forward(self, x):
        return self.a(self.act(self.a(x), alpha=float(x.std())))


class Iterating(Held):
    def forward(self, x):
        for child in self.children():
            x = child(self.act(x, alpha=0.3))
        return x


@pytest.mark.parametrize(
    ("kind", "act"), [(ByKeyword, F.elu), (ByKeyword, partial(F.elu, alpha=0.9)), (ByPosition, F.elu)]
)
def test_settings_of_the_call_are_those_of_the_layer(kind, act):
    model = kind(act)
    before = model(X)
    assert dict(find_layers(model).layers) == {"act_1": Choice("elu", {"alpha": 0.3})}
    assert torch.allclose(convert(model)(X), before, atol=1e-6)
    assert list(auto_layers(model)) == ["act_1"]
    assert torch.equal(apply(kind(), {"act_1": "tanh"}).act_1(X), torch.tanh(X))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Computed, r"self.act .*: its setting float\(x.std\(\)\) is known only when the model runs"),
        (Iterating, r"self.act .* gives it settings, in source that cannot be rewritten"),
    ],
)
def test_a_call_whose_settings_cannot_be_kept_is_left_alone(kind, reason):
    with pytest.raises(ConversionError, match=reason):
        find_layers(kind())
