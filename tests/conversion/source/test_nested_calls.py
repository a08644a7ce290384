"""Calls of activations inside each other, in classes that a factory makes again and again from one source."""

import ast

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize
from autoact.conversion.source import methods, own_class

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act, self.held = nn.Linear(8, 8), nn.ELU(), F.gelu


def functions():
    class Model(Base):
        def forward(self, x):
            return self.a(F.elu(self.a(F.elu(self.a(x)))))

    return Model


def directly():
    class Model(Base):
        def forward(self, x):
            return self.a(torch.tanh(F.elu(F.relu(self.a(x)), alpha=0.5)))

    return Model


def tensor_methods():
    class Model(Base):
        def forward(self, x):
            return self.a(self.a(self.a(x).relu().view(-1, 8)).tanh().relu())

    return Model


def modules():
    class Model(Base):
        def forward(self, x):
            return self.a(self.act(self.a(self.act(self.held(self.a(self.held(x)))))))

    return Model


def mixed():
    class Model(Base):
        def forward(self, x):
            x = F.relu(x + self.act(self.a(F.relu(x, inplace=True))))
            return self.a(F.silu(input=torch.relu_(self.a(F.silu(x * 1)))) + self.act(x.relu()))

    return Model


def branches():
    class Model(Base):
        def forward(self, x):
            if self.training:
                return self.a(F.elu(self.a(F.elu(x))))
            return self.a(F.elu(self.a(F.elu(x))))

    return Model


def closures():
    slope = 0.2

    class Model(Base):
        def forward(self, x):
            def inside(y):
                return F.leaky_relu(self.a(F.leaky_relu(y, slope)), slope)

            return self.a((lambda y: F.elu(inside(F.elu(y))))(x))

    return Model


FORMS = [functions, directly, tensor_methods, modules, mixed, branches, closures]


@pytest.mark.parametrize("make", FORMS)
@pytest.mark.filterwarnings("ignore:One module instance was used in several places")
def test_each_class_of_one_source_converts_alike(make):
    names = []
    for _ in range(3):
        kind = make()
        trees = {
            name: ast.dump(method.tree, include_attributes=True) for name, method in methods(kind).items()
        }
        model = kind()
        want = model(X.clone())
        convert(model, ["relu", "tanh", "elu"])
        torch.testing.assert_close(model(X.clone()), want, rtol=1e-5, atol=1e-6)
        names.append(list(auto_layers(model)))
        apply(model, dict.fromkeys(names[-1][-1:], "tanh"))
        model(X.clone()).sum().backward()
        assert own_class(model) is kind
        assert trees == {
            name: ast.dump(method.tree, include_attributes=True) for name, method in methods(kind).items()
        }
    assert names[0] == names[1] == names[2]
    assert len(names[0]) >= 2
    fresh = make()()
    want = fresh(X.clone())
    got = apply(fresh, {names[0][-1]: "softsign"})(X.clone())
    assert not torch.equal(got, want)
    assert torch.equal(finalize(fresh)(X.clone()), got)
