"""Compiled and exported models: the C kernels as one operation, or the formula."""

import pytest
import torch

import autoact
from autoact.kernels import _operator, plan_for
from autoact.kernels.cpu import _c_kernels as compiled
from autoact.kernels.cpu import _library as c_library
from autoact.kernels.cpu import _opaque_operation as opaque

EIGHT = ("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh")

pytestmark = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")


def defaults(names):
    return torch.tensor([p.default for _, p in plan_for(names).slots])


@pytest.mark.parametrize("size", [compiled.SMALLEST, _operator.LARGE])
def test_traced_models_use_the_faster_way_without_graph_breaks(size):
    torch._dynamo.reset()
    graphs = []

    def backend(graph, example):
        graphs.append(str(graph.code))
        return graph.forward

    def f(x, w):
        return autoact.mixture(x * 2, w, EIGHT).square()

    x, w = torch.randn(size, requires_grad=True), torch.rand(8, requires_grad=True)
    got = torch.compile(f, fullgraph=True, backend=backend)(x, w)
    assert ("opaque_mixture" in graphs[0]) == (size >= _operator.LARGE)
    for _ in range(3):  # other weights, the same code
        w = torch.rand(8, requires_grad=True)
        got = torch.compile(f, fullgraph=True, backend=backend)(x, w)
    assert len(graphs) == 1
    grads = [torch.autograd.grad(y.sum(), (x, w)) for y in (got, f(x, w))]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_traced_transforms_see_the_formula():
    torch._dynamo.reset()
    x, w = torch.randn(_operator.LARGE), torch.rand(8)
    slope = torch.compile(
        torch.func.grad(lambda a: autoact.mixture(a, w, EIGHT).sum()), fullgraph=True, backend="aot_eager"
    )
    z = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(autoact.mixture(z, w, EIGHT).sum(), z)
    torch.testing.assert_close(slope(x), expected, rtol=1e-5, atol=1e-5)
    tangent = torch.compile(
        lambda a: torch.func.jvp(lambda b: autoact.mixture(b, w, EIGHT), (a,), (torch.ones_like(a),))[1],
        fullgraph=True,
        backend="aot_eager",
    )
    torch.testing.assert_close(tangent(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_large_exports_are_pure_aten():
    class Layer(torch.nn.Module):
        def forward(self, x):
            return autoact.mixture(x, torch.full((8,), 0.125), EIGHT)

    x = torch.randn(_operator.LARGE)
    for strict in (False, True):
        program = torch.export.export(Layer(), (x,), strict=strict)
        assert not [n for n in program.graph.nodes if "autoact" in str(n.target)]
        torch.testing.assert_close(program.module()(x), Layer()(x), rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not")  # opcheck of torch 2.14
@pytest.mark.parametrize("per_channel", [False, True])
def test_opcheck_of_the_opaque_operation(per_channel):
    x = torch.randn(20, 3, 40, requires_grad=True)
    w = torch.rand((3, 8) if per_channel else (8,), requires_grad=True)
    args = (x, w, defaults(EIGHT), plan_for(EIGHT).key, 1)
    assert set(torch.library.opcheck(opaque.opaque_mixture, args).values()) == {"SUCCESS"}
