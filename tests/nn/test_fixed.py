import copy
import pickle

import pytest
import torch
from torch import nn

import autoact
from autoact.errors import ConversionError, UnsupportedInputError
from autoact.nn import FixedActivation, module_for
from autoact.spaces import Choice

X = torch.linspace(-3, 3, 24).reshape(4, 3, 2)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (Choice("relu"), nn.ReLU),
        (Choice("leaky_relu", {"negative_slope": 0.2}), nn.LeakyReLU),
        (Choice("prelu", {"slope": 0.1}), nn.PReLU),
        (Choice("prelu", {"slope": (0.1, 0.2, 0.3)}), nn.PReLU),
        (Choice("elu", {"alpha": 0.7}), nn.ELU),
        (Choice("gelu_tanh"), nn.GELU),
        (Choice("swish", {"beta": 2.0}), FixedActivation),
        (Choice("relu_squared"), FixedActivation),
        (Choice("elu", {"alpha": (0.5, 1.0, 2.0)}), FixedActivation),
    ],
    ids=str,
)
def test_the_module_computes_the_choice(choice, kind):
    module = module_for(choice)
    assert type(module) is kind
    values = {
        key: torch.tensor(v).reshape(-1, 1) if isinstance(v, tuple) else v
        for key, v in choice.parameters.items()
    }
    assert torch.allclose(module(X), autoact.get(choice.activation)(X, **values), atol=2e-7)


def test_per_channel_parameters_along_another_dimension_than_torch_has():
    choice = Choice("prelu", {"slope": (0.5, 0.25)})
    module = module_for(choice, channel_dim=-1)
    assert isinstance(module, FixedActivation)
    assert torch.equal(module(-torch.ones(2, 3, 2)), torch.tensor([-0.5, -0.25]).expand(2, 3, 2))


@pytest.mark.parametrize(
    "choice", [Choice("swish", {"beta": 2.0}), Choice("elu", {"alpha": (0.5, 1.0, 2.0)})]
)
def test_fixed_activations_are_ordinary_modules(choice):
    module = module_for(choice)
    assert isinstance(module, FixedActivation)
    assert module.name == choice.activation
    assert str(choice) in repr(module)
    for copied in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert torch.equal(copied(X), module(X))
    assert torch.equal(torch.compile(module, fullgraph=True, backend="eager")(X), module(X))
    assert module.double()(X.double()).dtype == torch.float64


@pytest.mark.parametrize("name", ["swish", "mish", "squareplus", "snake"])
def test_only_the_input_is_kept_for_backward(name):
    x = torch.randn(1000, requires_grad=True) * 1.0
    kept = []

    def pack(t):
        kept.append(t.numel())
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        FixedActivation(name)(x)
    assert sum(kept) <= 1010


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "prelu", "swish"])
@pytest.mark.parametrize("in_place", ["itself", "input", "result"])
def test_what_changes_in_place_leaves_value_and_gradient_as_they_are(name, in_place):
    module, x = module_for(Choice(name), in_place=in_place), torch.linspace(-2, 2, 12, requires_grad=True)
    plain = module_for(Choice(name))
    (want,) = torch.autograd.grad(plain(x).square().sum() * 4, x)
    given = x * 1
    got = module(given)
    assert torch.equal(got, plain(x))
    assert torch.equal(given, got) == (in_place == "itself")
    if in_place == "input":
        given.zero_()
    if in_place == "result":
        got.mul_(2)
        torch.testing.assert_close(torch.autograd.grad(got.square().sum(), x)[0], want)
    else:
        torch.testing.assert_close(torch.autograd.grad(got.square().sum() * 4, x)[0], want)


def test_torchs_own_module_is_used_where_it_can_live_with_what_changes():
    found = [
        type(module_for(Choice(name), in_place=in_place)).__name__
        for in_place in ("itself", "input", "result")
        for name in ("relu", "elu", "tanh", "gelu")
    ]
    own = "FixedActivation"
    assert found == ["ReLU", "ELU", own, own, "ReLU", own, "Tanh", own, own, "ELU", own, "GELU"]


@pytest.mark.parametrize(
    "activation", [autoact.AutoActivation(["relu", "tanh"]), FixedActivation("swish", beta=2.0)]
)
def test_tracers_that_cannot_follow_it_say_what_to_do(activation):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), activation)
    with pytest.raises(ConversionError, match=r"call autoact.finalize\(model\) first.*torch.jit.trace or "):
        torch.jit.script(model)
    with pytest.raises(UnsupportedInputError, match=r"Proxy: .*after autoact.finalize\(model\)"):
        torch.fx.symbolic_trace(model)
