"""Torch callables as activations: same places, torch's own derivatives."""

import pytest
import torch

import autoact
from autoact import Activation, analysis
from autoact.activations import X, opaque
from autoact.errors import ConfigurationError


@pytest.fixture(scope="module", autouse=True)
def torch_written():
    @autoact.activation(family="test")
    def torch_written(x, a=autoact.Parameter(default=1.5, lower=0.0)):
        """A rectifier with a wave, written with torch."""
        return torch.where(x > 0, x, a * torch.sin(x))


def reference(x, a):
    return torch.where(x > 0, x, a * torch.sin(x))


def test_registered_by_the_same_decorator():
    x = torch.linspace(-3, 3, 11)
    assert torch.equal(autoact.get("torch_written")(x, a=0.5), reference(x, 0.5))
    assert autoact.get("torch_written").parameters[0].lower == 0.0


def test_gradients_in_a_mixture():
    x = torch.linspace(-3.1, 3.0, 8, dtype=torch.float64, requires_grad=True)
    w = torch.tensor([0.4, 0.6], dtype=torch.float64, requires_grad=True)
    a = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def f(x, w, a):
        return autoact.mixture(x, w, ("torch_written", "tanh"), {"torch_written": {"a": a}})

    torch.testing.assert_close(f(x, w, a), w[0] * reference(x, a) + w[1] * torch.tanh(x))
    assert torch.autograd.gradcheck(f, (x, w, a))
    assert torch.autograd.gradgradcheck(f, (x, w, a))


def test_compiles_without_graph_breaks():
    torch._dynamo.reset()
    x = torch.linspace(-3, 3, 16, requires_grad=True)

    def f(x):
        return autoact.mixture(x, torch.tensor([0.4, 0.6]), ("torch_written", "tanh"))

    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), f(x))
    own, theirs = (torch.autograd.grad(g(x).sum(), x)[0] for g in (compiled, f))
    torch.testing.assert_close(own, theirs)


def test_facts_that_need_no_formula():
    act = Activation("bessel", opaque("bessel", torch.special.i0e, 1)(X), family="test")
    assert analysis.growth(act) == "bounded"
    assert analysis.gradient_noise(act) > 1
    with pytest.raises(ConfigurationError, match="torch callable"):
        analysis.smoothness(act)


def test_neither_symbols_nor_tensors():
    with pytest.raises(ConfigurationError, match="takes neither SymPy symbols"):

        @autoact.activation(family="test")
        def nonsense(x):
            return x.no_such_attribute


def test_one_value_per_element():
    with pytest.raises(ConfigurationError, match="one value per element"):

        @autoact.activation(family="test")
        def total(x):
            return torch.sum(x)
