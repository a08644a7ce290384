"""Piecewise functions that end at parameters: mapped to primitives, or refused with another form to write."""

import pytest
import sympy as sp
import torch

import autoact
from autoact.activations import Activation, Parameter, X
from autoact.analysis import facts
from autoact.errors import ConfigurationError

E = sp.Symbol("e", real=True)
LENGTH = Parameter(default=1.0, lower=0.05, name="e")
FORMS = {
    "two": (sp.Piecewise((0.1 * X, X < -E), (X, True)), lambda x, e: torch.where(x < -e, 0.1 * x, x)),
    "three": (
        sp.Piecewise((-sp.log(-X / E) - E, X < -E), (X, X < E), (sp.log(X / E) + E, True)),
        lambda x, e: torch.where(x.abs() < e, x, x.sign() * ((x.abs() / e).log() + e)),
    ),
    "window": (
        sp.Piecewise((sp.sqrt(E**2 - X**2), sp.And(X > -E, X < E)), (0, True)),
        lambda x, e: torch.where(x.abs() < e, (e**2 - x**2).clamp(min=0).sqrt(), 0.0),
    ),
    "outside": (
        sp.Piecewise((sp.sin(X), sp.And(X > -E, X < E)), (sp.log(X**2 - E**2 / 2), True)),
        lambda x, e: torch.where(x.abs() < e, x.sin(), (x**2 - e**2 / 2).clamp(min=0.1).log()),
    ),
    "slope": (
        sp.Piecewise((sp.log(3 - 2 * X), 2 * X < E), (0, True)),
        lambda x, e: torch.where(2 * x < e, (3 - 2 * x.clamp(max=1)).log(), 0.0),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_piece_may_end_at_a_parameter(form):
    expression, expected = FORMS[form]
    act = Activation(f"ends_{form}", expression, (LENGTH,), family="test")
    x = torch.tensor([-3.1, -1.7, -0.6, 0.2, 0.9, 2.3], dtype=torch.float64, requires_grad=True)
    e = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(act(x, e=e), expected(x, e))
    assert torch.autograd.gradcheck(lambda x, e: act(x, e=e), (x, e))
    assert torch.autograd.gradgradcheck(lambda x, e: act(x, e=e), (x, e))


def test_such_a_function_has_facts_and_mixes():
    @autoact.activation(family="test")
    def log_tails(x, e=Parameter(default=1.0, lower=0.05)):
        """A line with logarithmic tails."""
        return sp.Piecewise((-sp.log(-x / e) - e, x < -e), (x, x < e), (sp.log(x / e) + e, True))

    found = facts("log_tails", e=1.0)
    assert (found.smoothness, found.kinks) == (1, (-1.0, 1.0))
    x = torch.linspace(-3, 3, 50)
    mixed = autoact.mixture(x, torch.tensor([0.25, 0.75]), ["log_tails", "relu"])
    torch.testing.assert_close(mixed, 0.25 * log_tails(x) + 0.75 * x.relu())


@pytest.mark.parametrize("condition", [E > 1, E * X > 1, X**2 > E, sp.Ne(X, E)])
def test_other_conditions_are_refused_with_a_way_to_write_them(condition):
    with pytest.raises(
        ConfigurationError, match=r"is not an interval of x\..* or write the function with Max"
    ):
        Activation("refused", sp.Piecewise((X, condition), (0, True)), (LENGTH,), family="test")
