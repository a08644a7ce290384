import re
import subprocess
import sys

import pytest
import sympy as sp
import torch
from torch import nn

import autoact
from autoact.activations import Activation, X, from_function, from_module, registered_meanwhile
from autoact.errors import ConfigurationError, UnknownActivationError, UnsupportedInputError


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownActivationError, match=r"No activation named 'sliu'\. Did you mean 'silu'"):
        autoact.get("sliu")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("ReLU", "relu"),
        ("SiLU", "silu"),
        ("LeakyReLU", "leaky_relu"),
        ("leaky-relu", "leaky_relu"),
        ("HARDTANH", "hardtanh"),
        (nn.GELU, "gelu"),
        (nn.SiLU, "silu"),
        (nn.Identity, "identity"),
        (nn.ReLU(), "relu"),
        (nn.PReLU(), "prelu"),
        (nn.GELU(approximate="tanh"), "gelu_tanh"),
        (nn.Identity(), "identity"),
        (nn.functional.relu, "relu"),
        (torch.tanh, "tanh"),
    ],
)
def test_what_torch_calls_it_is_understood(asked, name):
    assert autoact.get(asked) is autoact.get(name)


def test_every_torch_class_finds_its_activation():
    for name in autoact.list_activations():
        twin = autoact.get(name).twin
        if twin and not twin.when and not twin.fixed:
            assert autoact.get(twin.module).name == autoact.get(twin.module.__name__).name == name


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ReLUU", "No activation named 'ReLUU'. Did you mean 'relu'?"),
        (nn.functional.rrelu, "No activation named 'rrelu'. Did you mean 'relu'?"),
        (nn.MultiheadAttention, "No activation named 'MultiheadAttention'. autoact.list_activations()"),
        (nn.Linear(1, 1), "No activation named 'Linear'."),
        (5, "No activation named 5."),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, said):
    with pytest.raises(UnknownActivationError, match=re.escape(said)):
        autoact.get(asked)


def test_settings_of_a_module_are_not_lost_silently():
    with pytest.raises(ConfigurationError, match=r"settings of its own .*0\.2.*autoact\.Choice\.of"):
        autoact.get(nn.LeakyReLU(0.2))


def test_unknown_parameter_and_bounds():
    with pytest.raises(ConfigurationError, match="elu has no parameter 'beta'; it has: alpha"):
        autoact.get("elu")(torch.ones(1), beta=1.0)
    with pytest.raises(ConfigurationError, match=r"elu.alpha lies in \[0, inf\]; got -1.0"):
        autoact.get("elu")(torch.ones(1), alpha=-1.0)


def test_integers_are_refused():
    with pytest.raises(UnsupportedInputError, match=r"torch.int64 of shape \(3,\)"):
        autoact.get("relu")(torch.arange(3))


@pytest.mark.slow
def test_a_user_registers_from_any_file(tmp_path):
    """One decorated function in a file of one's own; plain SymPy, no other step."""
    (tmp_path / "mine.py").write_text(
        "import autoact, sympy as sp\n"
        "@autoact.activation(family='mine')\n"
        "def wobble(x, a=autoact.Parameter(default=0.5, lower=0.0)):\n"
        "    'A wave on a line.'\n"
        "    return x + a * sp.sin(x) / (1 + sp.exp(-x)) + sp.Max(x, 0) * sp.exp(-sp.Abs(x))\n"
    )
    code = (
        "import torch, mine, autoact, pickle\n"
        "act = autoact.get('wobble')\n"
        "x = torch.tensor([-1e4, -1.0, 0.0, 2.0, 1e4], dtype=torch.float64, requires_grad=True)\n"
        "a = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)\n"
        "y = act(x, a=a)\n"
        "expected = x + a * x.sin() * x.sigmoid() + x.relu() * (-x.abs()).exp()\n"
        "torch.testing.assert_close(y, expected)\n"
        "y.sum().backward()\n"
        "assert x.grad.isfinite().all() and a.grad.isfinite()\n"
        "w = torch.tensor([0.5, 0.5], dtype=torch.float64)\n"
        "mixed = autoact.mixture(x.detach(), w, ('wobble', 'relu'))\n"
        "torch.testing.assert_close(mixed, 0.5 * act(x.detach()) + 0.5 * x.detach().relu())\n"
        "assert pickle.loads(pickle.dumps(act)) is act\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_taken_name_is_refused():
    with pytest.raises(ConfigurationError, match="'relu' is taken by"):

        @autoact.activation(family="test")
        def relu(x):
            return 2 * x


def test_an_argument_needs_a_parameter():
    with pytest.raises(ConfigurationError, match="'a' of activation 'bad' needs a Parameter"):

        @autoact.activation(family="test")
        def bad(x, a=1.0):
            return a * x


def test_an_unstable_function_is_refused():
    with pytest.raises(ConfigurationError, match="No stable form of gamma"):

        @autoact.activation(family="test")
        def strange(x):
            return sp.gamma(x)


@pytest.mark.parametrize(
    ("expression", "twin"),
    [
        (lambda x: sp.log(1 + sp.exp(x)), nn.Softplus()),
        (lambda x: 1 / (1 + sp.exp(-x)), nn.Sigmoid()),
        (lambda x: sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)), nn.ELU()),
        (lambda x: sp.Max(-1, sp.Min(x, 1)), nn.Hardtanh()),
        (lambda x: sp.Piecewise((0, x <= -3), (x, x >= 3), (x * (x + 3) / 6, True)), nn.Hardswish()),
        (lambda x: x / (1 + sp.Abs(x)), nn.Softsign()),
    ],
)
def test_plain_sympy_is_mapped_to_stable_primitives(expression, twin):
    from autoact.activations import Activation, X

    act = Activation("written", expression(X), family="test")
    x = torch.tensor(
        [-1e4, -100.0, -2.0, -1e-3, 0.4, 5.0, 90.0, 1e4], dtype=torch.float64, requires_grad=True
    )
    torch.testing.assert_close(act(x), twin(x), rtol=1e-8, atol=1e-8)
    own, theirs = (torch.autograd.grad(f(x).sum(), x)[0] for f in (act, twin))
    torch.testing.assert_close(own, theirs, rtol=1e-8, atol=1e-8)


def test_modules_are_read_with_their_settings():
    assert from_module(nn.LeakyReLU(0.2)) == ("leaky_relu", {"negative_slope": 0.2})
    assert from_module(nn.ELU(0.7)) == ("elu", {"alpha": 0.7})
    assert from_module(nn.PReLU(2, 0.5)) == ("prelu", {"slope": (0.5, 0.5)})
    assert from_module(nn.GELU(approximate="tanh")) == ("gelu_tanh", {})
    assert from_module(nn.GELU()) == ("gelu", {})
    assert from_module(nn.SiLU()) == ("silu", {})
    assert from_module(nn.Identity()) is None
    assert from_module(nn.Linear(2, 2)) is None


def test_twins_carry_settings():
    prelu = autoact.get("prelu").module(slope=(0.25, 0.5))
    assert isinstance(prelu, nn.PReLU)
    assert prelu.weight.tolist() == [0.25, 0.5]
    assert isinstance(autoact.get("swish").module(), nn.SiLU)
    assert autoact.get("swish").module(beta=2.0) is None
    assert autoact.get("sin").module() is None


def test_functions_are_recognized():
    assert from_function(torch.nn.functional.relu) == "relu"
    assert from_function(torch.tanh) == "tanh"
    assert from_function(torch.sum) is None


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_an_activation_may_be_constant(shape):
    flat = autoact.Activation("flat", sp.Integer(2), family="mine")
    assert torch.equal(flat(torch.zeros(shape)), torch.full(shape, 2.0))


def test_what_is_registered_meanwhile_is_gone_afterwards_even_after_an_error():
    meanwhile = Activation("of_an_hour", sp.sin(3 * X), family="example")
    with pytest.raises(RuntimeError), registered_meanwhile([meanwhile, autoact.get("relu")]):
        assert autoact.get("of_an_hour") is meanwhile
        raise RuntimeError
    assert "of_an_hour" not in autoact.list_activations()
    assert autoact.get("relu").name == "relu"  # it was there, and stays


def test_the_decorator_needs_no_parentheses():
    @autoact.activation
    def bare(x):
        """A bare one."""
        return x + 1

    assert (autoact.get("bare").family, autoact.get("bare").description) == ("own", "A bare one.")
