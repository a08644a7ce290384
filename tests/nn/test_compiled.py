"""Compiled layers: one graph for a whole training, which computes what the layer does without a compiler."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from autoact import AutoActivation
from autoact.kernels import Way, route
from autoact.nn import _own_schedule
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
def test_a_compiled_start_is_torch_bit_for_bit():
    for name, twin in {"gelu": nn.GELU(), "silu": nn.SiLU(), "elu": nn.ELU(), "mish": nn.Mish()}.items():
        torch._dynamo.reset()
        layer = AutoActivation([name, "relu"], start=name)
        compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
        assert torch.equal(compiled(LARGE), twin(LARGE)), name
        assert torch.equal(compiled(LARGE[0]), twin(LARGE[0])), name


@pytest.mark.parametrize("count", [100, 10_000])
def test_an_uncompiled_start_is_torch_bit_for_bit(count):
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
@pytest.mark.parametrize("count", [0, 1, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_compiled_layer_of_any_size_is_the_layer(count, dtype):
    torch._dynamo.reset()
    layer = AutoActivation(NAMES)
    other = copy.deepcopy(layer)
    results = []
    for own, run in ((layer, torch.compile(layer, backend="aot_eager", fullgraph=True)), (other, other)):
        x = LARGE.reshape(-1)[:count].to(dtype).requires_grad_()
        y = run(x)
        results.append((y, *torch.autograd.grad(y.float().sin().sum(), (x, own.logits, own.raw))))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5 if dtype == torch.float32 else 2e-2, atol=1e-5)


@needs_kernels
def test_gradients_of_gradients_of_a_traced_layer():
    torch._dynamo.reset()
    layer = AutoActivation(NAMES)
    found = []
    for run in (torch.compile(layer, backend="eager", fullgraph=True), layer):
        x = LARGE[0].clone().requires_grad_()
        inputs = (x, layer.logits, layer.raw)
        first = torch.autograd.grad(run(x).square().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(torch.stack([g.square().sum() for g in first]).sum(), inputs))
    for got, want in zip(*found, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3 * float(want.abs().max()))


@needs_kernels
@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("count", [0, 1, 100, 10_000])
def test_the_schedule_in_c_is_that_of_torch(count, bad):
    layers = [AutoActivation(NAMES, start="elu") for _ in range(2)]
    for step in range(30):
        x = LARGE.reshape(-1)[step * 7 :][:count].clone()
        if bad is not None and step == 3:
            x.fill_(bad)
        for layer, in_c in zip(layers, (True, False), strict=True):
            with torch.no_grad():
                layer.logits.add_(step % 3)
                state = layer.seen, layer.release, layer.quantiles, layer.observed
                if in_c:
                    assert _own_schedule._step_in_c(layer.logits, x, *state, 1 / 12)
                else:
                    _own_schedule.advance(layer.logits, *state[:2], 12)
                    _own_schedule.observe_compiled(*state[2:], x)
    ours, torchs = layers
    assert torch.equal(ours.release, torchs.release)
    assert torch.equal(ours.observed, torchs.observed)
    torch.testing.assert_close(ours.quantiles, torchs.quantiles, rtol=1e-6, atol=1e-6)


@needs_kernels
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not")  # opcheck of torch 2.14
def test_operations_of_compiled_graphs_are_what_torch_asks_of_them():
    layer = AutoActivation(NAMES, start="elu")
    own = [t.detach().clone().requires_grad_() for t in (layer.logits, layer.raw)]
    rest = [layer.temperature, torch.tensor(0.5), layer.anchor, layer.initial]
    args = (LARGE.clone().requires_grad_(), *own, *rest, key_of(layer.candidates, layer.ranges), 1)
    assert set(torch.library.opcheck(mixture_of_layer, args).values()) == {"SUCCESS"}
    buffers = (layer.seen.clone(), layer.release.clone(), layer.quantiles.clone(), layer.observed.clone())
    state = (layer.logits.detach() + 1, LARGE, *buffers, 4)
    assert set(torch.library.opcheck(step_compiled, state).values()) == {"SUCCESS"}
