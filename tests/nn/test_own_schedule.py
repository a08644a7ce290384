"""A layer in a plain loop learns by itself, whatever the loop does around it."""

import copy
import io
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import autoact
from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation

SPACE = ["relu", "elu", "tanh", "gelu"]


def net(steps=10, act=None):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(2, 32), act or AutoActivation(SPACE, start="relu", release_steps=steps), nn.Linear(32, 1)
    )


def data(size=64):
    torch.manual_seed(1)
    x = torch.randn(size, 2)
    return x, F.elu(x @ torch.randn(2, 8)) @ torch.randn(8, 1)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1e-2)


def train(model, steps, optimizer=None, forward=None):
    optimizer, (x, y) = optimizer or adam(model), data()
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss((forward or model)(x), y).backward()
        optimizer.step()
    return model


@pytest.mark.slow
def test_a_converted_model_learns_elu_where_it_should():
    model = net(act=nn.ReLU())
    autoact.convert(model, SPACE)
    layer, (x, y) = model[1], data(1024)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    assert torch.equal(model[:2](x), torch.relu(model[0](x)))
    for _ in range(2000):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
    assert (layer.release, layer.choice().activation) == (1, "elu")
    assert layer.observed > 10
    assert "nearest: elu(alpha=" in repr(layer)


def test_release_follows_the_optimizer_steps():
    model, released = net(), []
    optimizer = adam(model)
    for _ in range(13):
        train(model, 1, optimizer)
        released.append(model[1].release.item())
    assert released == pytest.approx([min(1, step / 10) for step in range(13)], abs=1e-6)


def test_forwards_without_a_step_move_nothing():
    layer, x = AutoActivation(SPACE, start="relu"), torch.randn(300)
    for _ in range(5):
        layer(x).sum().backward()
    assert layer.release == 0
    assert torch.equal(layer(x), torch.relu(x))


def test_in_evaluation_mode_nothing_moves():
    model, (x, _) = net(), data()
    train(model, 5).eval()
    state = copy.deepcopy(model.state_dict())
    model(x)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    fresh = net().eval()
    assert [fresh[1](x) is None, torch.equal(fresh[1](x), torch.relu(x))] == [False, True]


def twice(model, x):
    return model[2](model[1](model[1](model[0](x))))


def accumulated(model, x):
    return model(x[:32]).repeat(2, 1) + 0 * model(x[32:]).sum()


def checkpointed(reentrant, model, x):
    return checkpoint(model, x.requires_grad_(), use_reentrant=reentrant)


@pytest.mark.parametrize(
    "forward", [twice, accumulated, partial(checkpointed, True), partial(checkpointed, False)]
)
@pytest.mark.parametrize("relaxation", ["softmax", "straight_through", "affine"])
def test_a_step_counts_once(forward, relaxation):
    act = AutoActivation(SPACE, start="relu", release_steps=10, relaxation=relaxation)
    model = net(act=act)
    train(model, 6, forward=partial(forward, model))
    assert act.release.item() == pytest.approx(0.5)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpointed_training_is_the_same_training(reentrant):
    plain, saving = train(net(), 20), net()
    train(saving, 20, forward=partial(checkpointed, reentrant, saving))
    for key, value in plain[1].named_parameters():
        torch.testing.assert_close(saving[1].get_parameter(key), value)


def test_an_optimizer_that_writes_past_autograd_counts():
    model, (x, y) = net(), data()
    for _ in range(4):
        gradients = torch.autograd.grad(F.mse_loss(model(x), y), list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.data.sub_(0.01 * gradient)
    assert model[1].release.item() == pytest.approx(0.3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 1 << 11])
def test_one_compiled_graph_serves_a_whole_training(size):
    torch._dynamo.reset()
    eager, compiled = net(), net()
    run = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    x, y = data(size)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for model, forward in ((eager, eager), (compiled, run)):
            optimizer = adam(model)
            for _ in range(15):
                optimizer.zero_grad()
                F.mse_loss(forward(x), y).backward()
                optimizer.step()
    assert compiled[1].release == eager[1].release == 1
    torch.testing.assert_close(compiled[1].logits, eager[1].logits, rtol=1e-3, atol=1e-4)
    assert compiled[1].observed == 15
    inner = slice(20, -20)
    z = compiled[0](x).detach().flatten().quantile(torch.linspace(0, 1, 257))[inner]
    assert (compiled[1].quantiles[inner] - z).abs().mean() < 0.2


@pytest.mark.slow
def test_function_transforms_change_no_buffer():
    model, (x, y) = train(net(), 5), data()
    state = copy.deepcopy(model.state_dict())

    def loss(parameters, x, y):
        return F.mse_loss(torch.func.functional_call(model, parameters, (x,)), y)

    parameters = {key: value.detach() + 0.1 for key, value in model.named_parameters()}
    torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(parameters, x, y)
    torch.func.jvp(lambda x: model(x), (x,), (x,))
    loss(parameters, x, y)
    compiled = torch.compile(torch.func.grad(loss), backend="aot_eager")
    compiled(parameters, x, y)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_an_export_in_training_mode_has_no_schedule():
    model, (x, _) = train(net(), 5), data()
    program = torch.export.export(model, (x,))
    assert not program.graph_signature.buffers_to_mutate


def test_a_resumed_training_is_the_training():
    whole, first = net(), net()
    straight, optimizer = adam(whole), adam(first)
    train(whole, 14, straight)
    train(first, 6, optimizer)
    file = io.BytesIO()
    torch.save([first.state_dict(), optimizer.state_dict()], file)
    file.seek(0)
    again = net()
    resumed = adam(again)
    for each, state in zip((again, resumed), torch.load(file, weights_only=True), strict=True):
        each.load_state_dict(state)
    train(again, 8, resumed)
    assert torch.equal(again[1].release, whole[1].release)
    assert torch.equal(again[1].logits, whole[1].logits)
    copied = copy.deepcopy(first)
    train(copied, 1)
    assert copied[1].release.item() == pytest.approx(0.6)
    assert first[1].release.item() == pytest.approx(0.5)


def test_a_state_without_the_logits_seen_loads():
    model = train(net(), 5)
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("seen")}
    again = net()
    again.load_state_dict(state)
    assert torch.equal(again[1].seen, model[1].logits)


def test_without_steps_it_is_left_to_the_user():
    model = net(act=AutoActivation(SPACE, start="relu", release_steps=None))
    train(model, 5)
    assert (model[1].release, model[1].observed) == (0, 0)
    assert AutoActivation(**model[1].configuration()).release_steps is None


@pytest.mark.parametrize("steps", [0, -1, 2.5, True])
def test_wrong_steps(steps):
    with pytest.raises(ConfigurationError, match="release_steps is a whole number"):
        AutoActivation(release_steps=steps)
