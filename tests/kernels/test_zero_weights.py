"""A weight of exactly 0 contributes exactly 0, even where its member overflows."""

import pytest
import sympy as sp
import torch

import autoact


@pytest.fixture(scope="module", autouse=True)
def overflowing():
    @autoact.activation(family="test")
    def overflowing(x):
        """Exponential."""
        return sp.exp(x)


NAMES = ("relu", "overflowing", "relu_squared")
X = torch.tensor([800.0, -800.0, 1e30, 0.0, 3.0])


def run(f):
    x = X.clone().requires_grad_()
    w = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    y = f(x, w)
    y.sum().backward()
    return y.detach(), x.grad, w.grad


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.slow
def test_zero_weight_is_absent(compiled):
    def f(x, w):
        return autoact.mixture(x, w, NAMES)

    torch._dynamo.reset()
    y, grad_x, grad_w = run(torch.compile(f, fullgraph=True) if compiled else f)
    assert torch.equal(y, torch.relu(X))
    assert torch.equal(grad_x, (X > 0).float())
    assert torch.isfinite(grad_w).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_zero_weight_still_gets_its_gradient(compiled):
    def f(x, w):
        return autoact.mixture(x, w, NAMES)

    torch._dynamo.reset()
    x = torch.tensor([1.0, 2.0])
    w = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    (torch.compile(f, fullgraph=True) if compiled else f)(x, w).sum().backward()
    assert w.grad is not None
    torch.testing.assert_close(w.grad, torch.tensor([3.0, float(x.exp().sum()), 5.0]))


def test_live_members_are_not_masked():
    y = autoact.mixture(torch.tensor([2.0]), torch.tensor([0.0, 0.5, 0.25]), NAMES)
    torch.testing.assert_close(y, torch.tensor([0.5 * 2.718281828**2 + 1.0]))


INFINITE = torch.tensor([-torch.inf, torch.inf, 1.0, torch.nan])


@pytest.mark.parametrize("name", ["relu", "tanh", "softplus", "identity", "sigmoid"])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_one_hot_at_infinity_is_that_activation(name, per_channel, dtype):
    """0 times infinity is NaN: members that weigh 0 are left out."""
    names = ("relu", "tanh", "softplus", "identity", "sigmoid", "gelu")
    hot = torch.tensor([float(n == name) for n in names])
    x = INFINITE.to(dtype).reshape(2, 2)
    y = autoact.mixture(x, hot.expand(2, -1) if per_channel else hot, names)
    torch.testing.assert_close(y, autoact.get(name)(x), rtol=0, atol=0, equal_nan=True)


def test_gradient_at_infinity():
    x = torch.tensor([-torch.inf, torch.inf], requires_grad=True)
    autoact.mixture(x, torch.tensor([1.0, 0.0, 0.0]), ("relu", "gelu", "silu")).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0]
