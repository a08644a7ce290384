"""The compiled CPU kernels: accuracy, layouts, determinism, and the ways round them."""

import logging
import multiprocessing

import mpmath
import pytest
import sympy as sp
import torch

import autoact
from autoact.activations import X
from autoact.kernels import _eager, _operator, plan_for
from autoact.kernels.cpu import _c_kernels as compiled
from autoact.kernels.cpu import _library as c_library
from autoact.kernels.print import library_source

BUILT_IN = autoact.list_activations()
EIGHT = ("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh")
SIZE = 3 * compiled.CHUNK // 2 + 7

pytestmark = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")


def kernels(names, x):
    found = compiled.kernels_for(plan_for(names), x.dtype)
    assert not isinstance(found, str)
    return found


def forget():
    """Let the next mixture look for a compiler again."""
    compiled._kernels.cache_clear()
    _operator._on_cpu.cache_clear()


def defaults(names):
    return torch.tensor([p.default for _, p in plan_for(names).slots])


def one_hot(names, name):
    return torch.tensor([float(n == name) for n in names])


POINTS = [
    s * v
    for s in (-1.0, 1.0)
    for v in (0.0, 1e-12, 1e-4, 0.01, 0.3, 0.4999, 0.9999, 1.0, 2.5, 5.5, 7.0, 12.0, 19.9, 40.0, 700.0, 1e4)
]


def argument(name, x):
    """How far off the argument of finer's sine is, about x² and rounded itself; 0 of all others."""
    return torch.finfo(torch.float32).eps * x**2 if name == "finer" else 0 * x


@pytest.mark.parametrize("name", BUILT_IN)
def test_value_against_high_precision(name):
    """The bound of the registry's contract: 4e-7 of max(|y|, 1) in float32."""
    act = autoact.get(name)
    x = torch.tensor(POINTS)
    y = compiled.forward(
        kernels(BUILT_IN, torch.empty(2048)), x, one_hot(BUILT_IN, name), defaults(BUILT_IN), 1
    )
    numbers = {s: sp.Rational(p.default) for s, p in zip(act.symbols, act.parameters, strict=True)}
    for point, got in zip(x.tolist(), y.tolist(), strict=True):
        want = mpmath.mpf(sp.N(act.elementary.xreplace({X: sp.Rational(point), **numbers}), 40))
        if abs(want) > torch.finfo(torch.float32).max:
            assert got == float("inf")
        else:
            assert abs(got - want) <= 4e-7 * max(abs(want), 1) + argument(name, point), point


@pytest.mark.parametrize("name", BUILT_IN)
def test_value_and_slope_on_a_grid(name):
    """Within 5e-7 of the float64 formula, of max(|value|, |x|, 1)."""
    x = torch.cat([torch.linspace(-30, 30, 20_001), torch.linspace(-0.5, 0.5, 1_001)])
    z = x.double().requires_grad_()
    act = autoact.get(name)
    y = act(z, **{p.name: torch.tensor(p.default).double() for p in act.parameters})
    (slope,) = torch.autograd.grad(y.sum(), z, allow_unused=True, materialize_grads=True)
    own, w, theta = kernels(BUILT_IN, x), one_hot(BUILT_IN, name), defaults(BUILT_IN)
    grad_x, _, _ = compiled.backward(own, x, w, theta, torch.ones_like(x), 1)
    rounded = argument(name, z.abs())
    for got, want, more in (
        (compiled.forward(own, x, w, theta, 1), y, rounded),
        (grad_x, slope, rounded * (2 * z.abs() + 1)),
    ):
        allowed = 5e-7 * torch.maximum(want.abs(), z.abs().clamp(min=1))
        assert ((got - want).abs() <= allowed + more).all()


def gradients(x, w, theta, names, grad, channel_dim=1):
    x, w, theta = (t.clone().requires_grad_() for t in (x, w, theta))
    y = autoact.mixture(x, w, names, theta, channel_dim=channel_dim)
    return y.detach(), *torch.autograd.grad(y, (x, w, theta), grad)


@pytest.mark.parametrize(
    ("make", "channel_dim"),
    [
        (lambda: torch.randn(SIZE), 0),
        (lambda: torch.randn(70, 3, 40), 1),
        (lambda: torch.randn(700, 3), 1),
        (lambda: torch.randn(700, 3), -1),
        (lambda: torch.randn(3, 700).t(), -1),
        (lambda: torch.randn(4, 3, 20, 20).to(memory_format=torch.channels_last), 1),
        (lambda: torch.randn(40, 4, 3, 5).transpose(0, 3), 2),
        (lambda: torch.randn(300, 12)[:, ::4], 1),
        (lambda: torch.randn(1, 3, 1).expand(500, 3, 2), 1),
    ],
    ids="long channels rows last transposed channels_last permuted strided expanded".split(),
)
@pytest.mark.parametrize("granularity", ["layer", "weights", "parameters", "both"])
def test_layouts_against_float64(make, channel_dim, granularity):
    torch.manual_seed(0)
    x = make()
    if granularity != "layer" and x.shape[channel_dim] != 3:
        channel_dim, x = 0, x[:3000].reshape(3, 1000)
    channels = lambda t, of: t.expand(3, -1) * torch.rand(3, 1) if granularity in (of, "both") else t  # noqa: E731
    w = channels(torch.rand(8) + 0.1, "weights")
    theta = channels(defaults(EIGHT) + 0.1, "parameters")
    grad = torch.randn_like(x)
    got = gradients(x, w, theta, EIGHT, grad, channel_dim)
    want = gradients(x.double(), w.double(), theta.double(), EIGHT, grad.double(), channel_dim)
    assert got[0].stride() == torch.empty_like(x).stride()
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b.float(), rtol=2e-6, atol=2e-6 * max(1.0, float(b.abs().max())))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_float32_rounded_once(dtype):
    torch.manual_seed(0)  # of random gradients some cancel almost to nothing in the sums
    x, grad = torch.linspace(-20, 20, 4001).to(dtype), torch.randn(4001).to(dtype)
    w, theta = torch.rand(8), defaults(EIGHT)
    half = gradients(x, w, theta, EIGHT, grad)
    full = gradients(x.float(), w, theta, EIGHT, grad.float())
    for got, want in zip(half[:2], full[:2], strict=True):
        assert torch.equal(got, want.to(dtype))
    for got, want in zip(half[2:], full[2:], strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


def test_half_precision_extremes():
    big = torch.finfo(torch.bfloat16).max
    x = torch.tensor([big, -big, torch.inf, -torch.inf, torch.nan, 1e-40, -0.0, 1.0] * 256)
    w = torch.tensor([0.5, 0.5])
    for dtype in (torch.bfloat16, torch.float16):
        y = autoact.mixture(x.to(dtype), w, ("relu", "identity"))
        expected = (0.5 * torch.relu(x.to(dtype).float()) + 0.5 * x.to(dtype).float()).to(dtype)
        torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)


def test_the_same_bits_with_any_number_of_threads_and_at_every_run():
    torch.manual_seed(0)
    x, grad = torch.randn(5 * compiled.CHUNK + 3), torch.randn(5 * compiled.CHUNK + 3)
    w, theta = torch.rand(8), defaults(EIGHT)
    before = torch.get_num_threads()
    try:
        runs = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            runs += [gradients(x, w, theta, EIGHT, grad) for _ in range(7)]
    finally:
        torch.set_num_threads(before)
    assert len(runs) == 21
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], run, strict=True))


def test_one_compilation_serves_all_values_shapes_and_granularities(monkeypatch):
    calls = []

    def load(source):
        calls.append(source)
        return c_library.load(source)

    monkeypatch.setattr(compiled, "load", load)
    forget()
    for shape in ((2048,), (64, 3, 32), (3000, 3)):
        for w in (torch.rand(8), torch.rand(3, 8)) if len(shape) > 1 else (torch.rand(8),):
            gradients(torch.randn(shape), w, torch.rand(2 + 1), EIGHT, torch.randn(shape))
    assert len(calls) == 1


def test_only_x_is_kept():
    kept = []

    def pack(t):
        kept.append(t.numel())
        return t

    z = torch.randn(10_000, requires_grad=True) * 1.0
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        autoact.mixture(z, torch.rand(8, requires_grad=True), EIGHT)
    assert sum(kept) <= 1.01 * z.numel()


@pytest.mark.parametrize("name", EIGHT)
@pytest.mark.parametrize("rows", [None, 3])
def test_one_hot_is_that_activation_bit_for_bit(name, rows):
    x = torch.linspace(-6, 6, 3072).reshape(-1, 3)
    w = one_hot(EIGHT, name)
    y = autoact.mixture(x, w if rows is None else w.expand(rows, -1), EIGHT)
    own = autoact.get(name).module()
    assert own is not None
    assert torch.equal(y, own(x))


def test_second_derivatives_and_batches_of_gradients():
    torch.manual_seed(0)
    x, w, theta = torch.randn(1024), torch.rand(8), defaults(EIGHT)
    args = [t.clone().requires_grad_() for t in (x, w, theta)]
    wide = [t.double().requires_grad_() for t in (x, w, theta)]
    results = []
    for x_, w_, theta_ in (args, wide):
        first = torch.autograd.grad(
            autoact.mixture(x_, w_, EIGHT, theta_).square().sum(), (x_, w_, theta_), create_graph=True
        )
        total = torch.stack([f.square().sum() for f in first]).sum()
        second = torch.autograd.grad(total, (x_, w_, theta_))
        rows = torch.autograd.grad(
            autoact.mixture(x_, w_, EIGHT, theta_),
            (x_, w_),
            torch.eye(1024).to(x_)[:3],
            is_grads_batched=True,
        )
        results.append([*first, *second, *rows])
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-4)


def test_transforms_go_round_the_kernels():
    x, w = torch.randn(2, 1024), torch.rand(8)
    batched = torch.vmap(lambda a: autoact.mixture(a, w, EIGHT))(x)
    torch.testing.assert_close(batched, autoact.mixture(x, w, EIGHT), rtol=1e-5, atol=1e-5)
    tangent = torch.func.jvp(lambda a: autoact.mixture(a, w, EIGHT), (x,), (torch.ones_like(x),))[1]
    z = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(autoact.mixture(z, w, EIGHT).sum(), z)
    torch.testing.assert_close(tangent, slope, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_zero_weights_contribute_nothing_at_800_and_infinity(dtype):
    names = ("relu", "exp", "relu_squared", "silu", "sin", "gelu")
    x = torch.tensor([800.0, -800.0, 1e30, torch.inf, -torch.inf, 3.0]).repeat(300).to(dtype).requires_grad_()
    w = torch.tensor([0.75, 0.0, 0.0, 0.0, 0.0, 0.0], requires_grad=True)
    y = autoact.mixture(x, w, names)
    (grad_x,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y, (0.75 * torch.relu(x.float())).to(dtype))
    assert torch.equal(grad_x, (0.75 * (x > 0)).to(dtype))


def test_nan_stays_nan():
    x = torch.full((1024,), torch.nan)
    for name in BUILT_IN:
        w = 0.5 * one_hot(BUILT_IN, name)
        y = compiled.forward(kernels(BUILT_IN, x), x, w, defaults(BUILT_IN), 1)
        kept = ("threshold", "hill", "hardshrink", "squareplus")  # comparisons with NaN are false there
        assert torch.isnan(y).all() or name in kept, name


def test_a_member_without_vector_form_is_computed_eagerly(caplog):
    @autoact.activation(family="test")
    def hyperbolic(x):
        """Inverse hyperbolic sine, which has no vector form in C."""
        return sp.asinh(x)

    names = ("relu", "hyperbolic")
    with caplog.at_level(logging.DEBUG, "autoact"):
        forget()
        assert "asinh" in str(compiled.kernels_for(plan_for(names), torch.float32))
    assert "asinh has no vector form in C" in caplog.text
    x = torch.randn(4096)
    torch.testing.assert_close(
        autoact.mixture(x, torch.tensor([0.5, 0.5]), names), 0.5 * torch.relu(x) + 0.5 * torch.asinh(x)
    )


@pytest.mark.parametrize("broken", ["absent", "failing"])
def test_without_a_working_compiler_torch_computes(monkeypatch, caplog, tmp_path, broken):
    x, w = torch.randn(2048), torch.rand(8)
    fast = autoact.mixture(x, w, EIGHT)
    forget()
    monkeypatch.setattr(c_library, "_folder", lambda: tmp_path)
    monkeypatch.setattr(c_library, "_compiler", lambda: None if broken == "absent" else ("false", ""))
    try:
        with caplog.at_level(logging.DEBUG, "autoact"):
            slow = autoact.mixture(x, w, EIGHT)
            autoact.mixture(x, w, EIGHT)
    finally:
        forget()
    torch.testing.assert_close(slow, fast, rtol=1e-6, atol=1e-6)
    lines = [r for r in caplog.records if "no compiled CPU kernel" in r.getMessage()]
    assert len(lines) == (1 if broken == "failing" else 0)


def test_small_single_wide_and_other_tensors_stay_with_torch():
    def way(names, x):
        return _operator.route(names, x, torch.ones(len(names), device=x.device), x.new_empty(0)).way

    assert way(EIGHT, torch.empty(compiled.SMALLEST)) == _operator.Way.C
    assert way(EIGHT, torch.empty(compiled.SMALLEST - 1)) == _operator.Way.TORCH
    assert way(("relu",), torch.empty(4096)) == _operator.Way.TORCH
    assert way(EIGHT, torch.empty(4096, dtype=torch.float64)) == _operator.Way.TORCH
    assert way(EIGHT, torch.empty(4096, device="meta")) == _operator.Way.TORCH


def _send(queue, x, w):
    queue.put(autoact.mixture(x, w, EIGHT).numpy().tobytes())


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    before = torch.get_num_threads()
    x, w = torch.randn(4 * compiled.CHUNK), torch.rand(8)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    try:
        torch.set_num_threads(2)
        here = autoact.mixture(x, w, EIGHT)
        child = context.Process(target=_send, args=(queue, x, w))
        child.start()
    finally:
        torch.set_num_threads(before)
    try:
        assert queue.get(timeout=120) == here.numpy().tobytes()
    finally:
        child.kill()
        child.join(10)


def test_views_that_hold_the_other_sign():
    z = torch.randn(2048, dtype=torch.complex64)
    x, w = z.conj().imag, torch.rand(8)
    assert x.is_neg()
    assert torch.equal(autoact.mixture(x, w, EIGHT), autoact.mixture(x.clone(), w, EIGHT))
    theta, copy = defaults(EIGHT), x.clone()
    for a, b in zip(gradients(x, w, theta, EIGHT, x), gradients(copy, w, theta, EIGHT, copy), strict=True):
        assert torch.equal(a, b)


def test_library_names_its_own_functions_only():
    source = library_source(plan_for(EIGHT), "float32")
    assert source.count("void forward(") == source.count("void backward(") == 1


def test_kernels_equal_the_generated_torch_code():
    x = torch.randn(4096)
    w, theta, plan = torch.rand(8), defaults(EIGHT), plan_for(EIGHT)
    c = plan.coefficients(w, theta)
    y, grad_x, _, _ = gradients(x, w, theta, EIGHT, torch.ones_like(x))
    torch.testing.assert_close(y, _eager.forward(plan, x, c, 1), rtol=1e-6, atol=2e-6)
    torch.testing.assert_close(
        grad_x, _eager.backward(plan, x, c, torch.ones_like(x), 1)[0], rtol=1e-6, atol=2e-6
    )


def test_second_derivatives_in_weights_that_are_not_contiguous():
    """Gradients of gradients reach weights that a kernel had to copy together."""
    base = torch.rand(8, 3, requires_grad=True)
    x = torch.randn(200, 3)
    found = []
    for dtype in (torch.float32, torch.float64):
        y = autoact.mixture(x.to(dtype), base.to(dtype).t(), EIGHT)
        (first,) = torch.autograd.grad(y.square().sum(), base, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), base)[0])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-2)
