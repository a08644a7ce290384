"""Differentiating, transforming, compiling and exporting a mixture, against the plain formula."""

import functools

import pytest
import torch
import torch.autograd.forward_ad as fwad
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.checkpoint import checkpoint

import autoact
from autoact.kernels import plan_for

CANDIDATES = ("identity", "relu", "prelu", "elu", "softplus", "swish", "gelu", "tanh")
PLAN = plan_for(CANDIDATES)
P = len(PLAN.slots)
K = len(CANDIDATES)


def plain(x, w, theta):
    """The formula without any operator: a sum over candidates of torch code."""
    values = dict(zip([(n, p.name) for n, p in PLAN.slots], theta.unbind(-1), strict=True))
    total = torch.zeros_like(x)
    for k, name in enumerate(CANDIDATES):
        own = {p.name: values[name, p.name] for p in autoact.get(name).parameters}
        total = total + w[k] * autoact.get(name)(x, **own)
    return total


fused = functools.partial(autoact.mixture, candidates=CANDIDATES)


def fused_positional(x, w, theta):
    return autoact.mixture(x, w, CANDIDATES, theta)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, generator=generator, dtype=torch.float64) * 2
    w = torch.rand(K, generator=generator, dtype=torch.float64)
    theta = torch.rand(P, generator=generator, dtype=torch.float64) + 0.5
    return x, w, theta


def test_value_equals_the_plain_formula(inputs):
    torch.testing.assert_close(fused_positional(*inputs), plain(*inputs), rtol=1e-14, atol=1e-14)


def test_gradcheck_reverse_and_forward(inputs):
    args = [t.clone().requires_grad_() for t in inputs]
    assert gradcheck(fused_positional, args, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(fused_positional, args, check_fwd_over_rev=True, check_batched_grad=True)


def test_third_derivative(inputs):
    x, w, theta = inputs

    def third(f):
        z = x.clone().requires_grad_()
        y = f(z, w, theta).sum()
        for _ in range(3):
            (y,) = torch.autograd.grad(y.sum(), z, create_graph=True)
        return y

    torch.testing.assert_close(third(fused_positional), third(plain), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("argnum", [0, 1, 2])
def test_jvp(inputs, argnum):
    def along(f):
        def one(t):
            return f(*(t if i == argnum else a for i, a in enumerate(inputs)))

        return torch.func.jvp(one, (inputs[argnum],), (torch.ones_like(inputs[argnum]),))[1]

    assert along(fused_positional).abs().sum() > 0  # a custom op with autograd alone gives a silent 0
    torch.testing.assert_close(along(fused_positional), along(plain), rtol=1e-12, atol=1e-12)


def test_dual_numbers(inputs):
    x, w, theta = inputs
    with fwad.dual_level():
        y = fused_positional(fwad.make_dual(x, torch.ones_like(x)), w, theta)
        tangent = fwad.unpack_dual(y).tangent
    z = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(plain(z, w, theta).sum(), z)
    torch.testing.assert_close(tangent, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "transform",
    [
        lambda f, x, w, t: torch.func.jacrev(lambda a: f(a, w, t))(x),
        lambda f, x, w, t: torch.func.hessian(lambda a: f(a, w, t).sum())(x),
        lambda f, x, w, t: torch.func.jacrev(torch.func.jacrev(lambda a: f(a, w, t).sum()))(x),
        lambda f, x, w, t: torch.func.hessian(lambda b: f(x, b, t).square().sum())(w),
        lambda f, x, w, t: torch.vmap(f, (0, None, None))(torch.stack([x, 2 * x]), w, t),
        lambda f, x, w, t: torch.vmap(f)(*(torch.stack([a, 2 * a]) for a in (x, w, t))),
        lambda f, x, w, t: torch.vmap(torch.func.grad(lambda b, a: f(a, b, t).sum()), (None, 0))(
            w, torch.stack([x, 2 * x])
        ),
    ],
    ids=["jacrev", "hessian", "jacrev_twice", "hessian_weights", "vmap_x", "vmap_all", "per_sample_grads"],
)
def test_function_transforms(inputs, transform):
    torch.testing.assert_close(
        transform(fused_positional, *inputs), transform(plain, *inputs), rtol=1e-10, atol=1e-10
    )


def test_vmap_of_per_channel_weights(inputs):
    x, w, theta = inputs
    images = torch.stack([x[:6].reshape(2, 3), 2 * x[:6].reshape(2, 3)])
    weights = torch.stack([w, w.flip(0), 2 * w])
    batched = torch.vmap(lambda a: fused_positional(a, weights, theta))(images)
    torch.testing.assert_close(batched, torch.stack([fused_positional(a, weights, theta) for a in images]))


def test_batched_output_gradients(inputs):
    x, w, theta = (t.clone().requires_grad_() for t in inputs)
    y = fused_positional(x, w, theta)
    rows = torch.autograd.grad(y, (x, w), torch.eye(7, dtype=torch.float64), is_grads_batched=True)
    torch.testing.assert_close(
        rows[1],
        torch.func.jacrev(lambda b: plain(inputs[0], b, inputs[2]))(inputs[1]),
        rtol=1e-10,
        atol=1e-12,
    )


def test_only_x_is_kept_for_backward():
    x = torch.randn(100_000, requires_grad=True)
    w = torch.rand(K, requires_grad=True)
    kept = 0

    def pack(t):
        nonlocal kept
        kept += t.numel() * t.element_size()
        return t

    z = x * 1.0
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        autoact.mixture(z, w, CANDIDATES)
    assert kept <= 1.01 * 4 * x.numel()


@pytest.mark.slow
def test_compiled_without_graph_breaks_equals_eager():
    torch._dynamo.reset()
    x = torch.cat([torch.randn(61), torch.tensor([0.0, 0.0, -0.0])]).requires_grad_()
    w = torch.rand(K, requires_grad=True)
    theta = (torch.rand(P) + 0.5).requires_grad_()

    def run(f):
        y = f(x, w, theta)
        return y.detach(), *torch.autograd.grad(y.square().sum(), (x, w, theta))

    compiled = torch.compile(fused_positional, fullgraph=True)
    for got, expected in zip(run(compiled), run(fused_positional), strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor that is not a leaf"
)  # read by torch.compile
def test_compiled_keeps_only_x():
    torch._dynamo.reset()
    kept = []

    def pack(t):
        kept.append(t.numel())
        return t

    compiled = torch.compile(fused_positional, fullgraph=True)
    z = torch.randn(10_000, requires_grad=True) * 1.0
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        compiled(z, torch.rand(K, requires_grad=True), torch.rand(P) + 0.5)
    assert sum(kept) <= 1.01 * z.numel()


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.rand(K))
        self.theta = torch.nn.Parameter(torch.rand(P) + 0.5)

    def forward(self, x):
        return fused_positional(x, self.w, self.theta)


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_export_is_pure_aten(strict):
    layer, x = Layer(), torch.randn(4, 5)
    program = torch.export.export(layer, (x,), strict=strict, dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    calls = [str(n.target) for n in program.graph.nodes if n.op == "call_function"]
    assert calls
    assert not [c for c in calls if "autoact" in c or "autograd" in c]
    torch.testing.assert_close(program.module()(torch.cat([x, x])), layer(torch.cat([x, x])))


def test_activation_checkpointing(inputs):
    x, w, theta = (t.clone().requires_grad_() for t in inputs)
    checkpoint(fused_positional, x, w, theta, use_reentrant=False).sum().backward()
    expected = torch.autograd.grad(fused_positional(x, w, theta).sum(), (x, w, theta))
    for got, want in zip((x.grad, w.grad, theta.grad), expected, strict=True):
        torch.testing.assert_close(got, want)


def test_autocast_leaves_the_arithmetic_alone():
    x = torch.randn(8, 8, dtype=torch.bfloat16)
    w = torch.rand(K)
    with torch.autocast("cpu", torch.bfloat16):
        y = autoact.mixture(x, w, CANDIDATES)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, autoact.mixture(x.float(), w, CANDIDATES).bfloat16(), rtol=0, atol=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        lambda: torch.randn(4, 3, 2).transpose(0, 2),
        lambda: torch.randn(4, 6)[:, ::2],
        lambda: torch.randn(4, 3)[:0],
        lambda: torch.randn(1, 3).expand(5, 3),
        lambda: torch.randn(200_000, 3),
    ],
    ids=["channels_last", "transposed", "strided", "empty", "expanded", "several_blocks"],
)
@pytest.mark.parametrize("per_channel", [False, True])
def test_layouts(make, per_channel):
    x = make().double()
    w = torch.rand(3, K, dtype=torch.float64) if per_channel else torch.rand(K, dtype=torch.float64)
    x.requires_grad_()
    w.requires_grad_()
    own = [w[c] if per_channel else w for c in range(3)]
    theta = torch.tensor([p.default for _, p in PLAN.slots], dtype=torch.float64)
    y = autoact.mixture(x, w, CANDIDATES)
    expected = torch.stack([plain(x[:, c], own[c], theta) for c in range(3)], 1)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    assert y.stride() == torch.empty_like(x).stride()
    for got, want in zip(
        torch.autograd.grad(y, (x, w), grad), torch.autograd.grad(expected, (x, w), grad), strict=True
    ):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


def test_zero_dimensional_and_single_element():
    w = torch.rand(K)
    assert autoact.mixture(torch.tensor(0.5), w, CANDIDATES).shape == ()


@pytest.mark.parametrize("size", [100, 1000])
@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_within_autocast_is_as_exact(size, create_graph):
    x, w = torch.randn(size, requires_grad=True), torch.rand(K, requires_grad=True)

    def gradients():
        return torch.autograd.grad(fused(x, w).square().sum(), (x, w), create_graph=create_graph)

    outside = gradients()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = gradients()
    for a, b in zip(inside, outside, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("size", [100, 1000])
def test_gradients_that_torch_knows_to_be_zero(size):
    x, w = torch.randn(size, requires_grad=True), torch.rand(K, requires_grad=True)
    zero = torch._efficientzerotensor(size)
    for gradient in torch.autograd.grad(fused(x, w), (x, w), zero):
        assert torch.equal(gradient, torch.zeros_like(gradient))
    assert torch.isfinite(fused(zero, w)).all()
