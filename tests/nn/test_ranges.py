import math

import pytest
import torch

import autoact
from autoact.activations import Parameter
from autoact.nn import _ranges
from autoact.nn._ranges import constrained, constrained_text, form_of

PARAMETERS = (
    Parameter(default=0.3),
    Parameter(default=0.7, lower=0.0),
    Parameter(default=1.7, lower=1.0),
    Parameter(default=-0.3, upper=0.1),
    Parameter(default=0.9, lower=-0.2, upper=1.3),
)
BELOW_ONE = Parameter(default=1.0, lower=0.0, upper=1.0)


def values(raw, dtype):
    initial = torch.tensor([p.default for p in PARAMETERS], dtype=dtype)
    return initial, constrained(raw.to(dtype), initial, PARAMETERS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_raw_zero_is_exactly_the_initial_value(dtype):
    initial, got = values(torch.zeros(5), dtype)
    assert torch.equal(got, initial)


@pytest.mark.parametrize("raw", [-1000.0, -30.0, -1.0, 0.5, 30.0, 1000.0])
def test_values_stay_within_their_bounds(raw):
    _, got = values(torch.full((5,), raw), torch.float32)
    for value, parameter in zip(got.tolist(), PARAMETERS, strict=True):
        assert math.isfinite(value)
        assert torch.tensor(parameter.lower).item() <= value <= torch.tensor(parameter.upper).item()


def test_values_grow_with_raw_and_reach_towards_the_bounds():
    grid = torch.linspace(-12, 12, 200).unsqueeze(1).expand(-1, 5)
    _, got = values(grid, torch.float64)
    assert (got.diff(dim=0) > 0).all()
    assert got[0].tolist()[1:3] == pytest.approx([0.0, 1.0], abs=1e-3)
    assert got[-1, 3].item() == pytest.approx(0.1, abs=1e-3)
    assert got[[0, -1], 4].tolist() == pytest.approx([-0.2, 1.3], abs=1e-3)


def test_gradients_are_right():
    raw = torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: values(r, torch.float64)[1], (raw,))


@pytest.mark.parametrize("compiled", [False, True])
def test_an_initial_value_on_a_bound_can_still_move(compiled):
    bounded = (Parameter(default=0.0, lower=0.0), Parameter(default=0.0, upper=0.0), BELOW_ONE)
    initial = torch.tensor([p.default for p in bounded])
    raw = torch.zeros(3, requires_grad=True)
    how = torch.compile(constrained, backend="aot_eager", fullgraph=True) if compiled else constrained
    value = how(raw, initial, bounded)
    assert torch.equal(value, initial)
    (gradient,) = torch.autograd.grad(value.sum(), raw)
    assert gradient.tolist() == pytest.approx(
        [0.5, 0.5, _ranges.EDGE * (1 - _ranges.EDGE)], rel=1e-4
    )  # 1 - sigmoid in float32


def test_a_parameter_that_is_not_learnable_stays():
    raw = torch.ones(2, requires_grad=True)
    fixed = (Parameter(default=0.5), Parameter(default=0.5, learnable=False))
    value = constrained(raw, torch.full((2,), 0.5), fixed)
    assert value.tolist() == [1.5, 0.5]
    (gradient,) = torch.autograd.grad(value.sum(), raw)
    assert gradient.tolist() == [1.0, 0.0]


@pytest.mark.slow
def test_compiled_with_bounds_as_symbols():
    torch._dynamo.reset()
    names = ("prelu", "elu", "swish", "celu", "hill")  # free, bounded below, fixed
    layers = [
        autoact.AutoActivation(names),
        autoact.AutoActivation(names, bounds={"elu": {"alpha": [0.5, 2.0]}, "hill": {"n": [2, 6]}}),
    ]
    model = torch.nn.Sequential(*layers)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (3, 5):
        x = torch.randn(rows, 7)
        y = compiled(x)
        torch.testing.assert_close(y, model(x))
        y.sum().backward()


def sigmoid(u):
    power = math.exp(-abs(u))
    return (1.0 if u >= 0 else power) / (1 + power)


def clamp(u, low, high):
    return min(max(u, low), high)


def logit(share, edge):
    inside = clamp(share, edge, 1 - edge)
    return math.log(inside / (1 - inside))


FUNCTIONS = {
    "or_one": lambda gap: gap or 1.0,
    "log2_1p_exp2": lambda u: max(u, 0.0) + math.log2(1 + 2.0 ** -abs(u)),
    "sigmoid": sigmoid,
    "logit": logit,
    "clamp": clamp,
}


@pytest.mark.parametrize("raw", [-30.0, -1.3, 0.0, 0.4, 25.0])
@pytest.mark.parametrize("parameter", [*PARAMETERS, Parameter(default=0.2, learnable=False)])
def test_the_text_of_a_kernel_computes_value_and_speed(parameter, raw):
    """Within rounding, and at raw = 0 the initial value bit for bit; a start on a bound, too."""
    starts = {parameter.default, *(b for b in (parameter.lower, parameter.upper) if math.isfinite(b))}
    for initial in starts:
        names = FUNCTIONS | {"r": raw, "v": initial}
        form = form_of(parameter)
        got = tuple(eval(text, names) for text in constrained_text("r", "v", form))
        z = torch.tensor([raw], dtype=torch.float64, requires_grad=True)
        want = constrained(z, torch.tensor([initial], dtype=torch.float64), (parameter,))
        anywhere = form._replace(lower=-math.inf, upper=math.inf)  # torch stops at a bound
        free = _ranges._value(z, torch.tensor(initial, dtype=z.dtype), anywhere, _ranges._ON_TENSORS)
        speed = torch.autograd.grad(free.sum(), z)[0].item() if parameter.learnable else 0.0
        assert got[0] == pytest.approx(want.item(), rel=1e-12, abs=1e-15)
        assert got[1] == pytest.approx(speed, rel=1e-9, abs=1e-15)
        assert raw or got[0] == initial
