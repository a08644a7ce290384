import pytest
import torch
from torch import nn

from autoact import auto_layers, convert
from autoact.training import param_groups


@pytest.fixture
def model():
    return convert(
        nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh()), ["relu", "tanh", "elu"]
    )


def test_every_parameter_is_in_one_group(model):
    groups = param_groups(model, lr=0.1, weight_decay=0.5, activation_lr=0.2)
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())
    assert [group["name"] for group in groups] == ["model", "autoact.logits", "autoact.parameters"]


def test_only_the_model_decays(model):
    before = [layer.logits.detach().clone() for layer in auto_layers(model).values()]
    optimizer = torch.optim.SGD(param_groups(model, lr=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    weight = model[0].weight.detach().clone()
    optimizer.step()
    torch.testing.assert_close(model[0].weight, weight * (1 - 0.1 * 0.5))
    assert all(torch.equal(a.logits, b) for a, b in zip(auto_layers(model).values(), before, strict=True))


def test_the_learning_rate_is_the_models_unless_given(model):
    assert {group["lr"] for group in param_groups(model, lr=0.1)} == {0.1}
    assert [group["lr"] for group in param_groups(model, lr=0.1, activation_lr=0.3)] == [0.1, 0.3, 0.3]


def test_layers_without_parameters_to_learn_make_no_empty_group():
    model = convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["relu", "tanh"])
    assert [group["name"] for group in param_groups(model, lr=0.1)] == ["model", "autoact.logits"]


def test_a_plain_model_is_one_group():
    assert [group["name"] for group in param_groups(nn.Linear(2, 2), lr=0.1)] == ["model"]
