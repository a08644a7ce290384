"""Compiled layers: one graph for a whole training, which computes what the layer does without a compiler."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from autoact import AutoActivation
from autoact.kernels import Way, route
from autoact.nn._own_schedule import step_compiled
from autoact.nn._scalars import key_of, mixture_of_layer

NAMES = ("relu", "elu", "prelu", "swish", "tanh")
LARGE = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
needs_kernels = pytest.mark.skipif(
    route(NAMES, LARGE).way is not Way.C, reason="no C compiler: large tensors take the formula"
)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("start", ["uniform", "elu"])
@pytest.mark.parametrize("relaxation", ["softmax", "affine"])
@pytest.mark.parametrize("rows", [8, 256])
def test_a_training_is_one_graph_and_equals_the_uncompiled_one(backend, start, relaxation, rows):
    torch._dynamo.reset()
    layer = AutoActivation(NAMES, start=start, relaxation=relaxation, release_steps=4)
    net = nn.Sequential(nn.Linear(256, 256), layer)
    models: Any = net, copy.deepcopy(net)
    graphs: list[torch.fx.GraphModule] = []
    compiler = torch._dynamo.lookup_backend(backend)

    def counting(graph, inputs):
        graphs.append(graph)
        return compiler(graph, inputs)

    compiled = torch.compile(models[0], backend=counting, fullgraph=True)
    optimizers = [torch.optim.SGD(model.parameters(), 0.1) for model in models]
    x = LARGE[:rows]
    for _ in range(6):
        for run, optimizer in zip((compiled, models[1]), optimizers, strict=True):
            optimizer.zero_grad()
            run(x).square().mean().backward()
            optimizer.step()
        for (name, own), other in zip(models[0].named_parameters(), models[1].parameters(), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5, msg=name)
    assert len(graphs) == 1
    assert torch.equal(models[0][1].release, models[1][1].release)
    assert models[0][1].observed > 0


@needs_kernels
def test_a_compiled_layer_may_run_again_before_its_backward():
    torch._dynamo.reset()
    layer = AutoActivation(NAMES, start="elu")
    other = copy.deepcopy(layer)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    for run in (compiled, other):
        (run(LARGE).square().mean() + run(LARGE).mean()).backward()
    torch.testing.assert_close(layer.logits.grad, other.logits.grad)


@pytest.mark.slow
@needs_kernels
def test_a_compiled_start_is_torch_bit_for_bit_on_large_tensors():
    for name, twin in {"gelu": nn.GELU(), "silu": nn.SiLU(), "elu": nn.ELU(), "mish": nn.Mish()}.items():
        torch._dynamo.reset()
        layer = AutoActivation([name, "relu"], start=name)
        compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
        assert torch.equal(compiled(LARGE), twin(LARGE)), name
        torch.testing.assert_close(compiled(LARGE[0]), twin(LARGE[0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [100, 10_000])
def test_a_start_is_torch_bit_for_bit(count):
    twins = {
        "gelu": nn.GELU(), "silu": nn.SiLU(), "elu": nn.ELU(), "selu": nn.SELU(), "mish": nn.Mish(),
        "hardswish": nn.Hardswish(), "softplus": nn.Softplus(), "relu": nn.ReLU(), "tanh": nn.Tanh(),
        "gelu_tanh": nn.GELU("tanh"), "leaky_relu": nn.LeakyReLU(), "sigmoid": nn.Sigmoid(),
    }  # fmt: skip
    x = LARGE.reshape(-1)[:count]
    for name, twin in twins.items():
        layer = AutoActivation([name, "identity"], start=name)
        assert torch.equal(layer(x), twin(x)), name


@needs_kernels
def test_operations_of_compiled_graphs_are_what_torch_asks_of_them():
    layer = AutoActivation(NAMES, start="elu")
    own = [t.detach().clone().requires_grad_() for t in (layer.logits, layer.raw)]
    rest = [layer.temperature, torch.tensor(0.5), layer.anchor, layer.initial]
    args = (LARGE.clone().requires_grad_(), *own, *rest, key_of(layer.candidates, layer.ranges), 1)
    assert set(torch.library.opcheck(mixture_of_layer, args).values()) == {"SUCCESS"}
    buffers = (layer.seen.clone(), layer.release.clone(), layer.quantiles.clone(), layer.observed.clone())
    state = (layer.logits.detach() + 1, LARGE, *buffers, 4)
    assert set(torch.library.opcheck(step_compiled, state).values()) == {"SUCCESS"}
