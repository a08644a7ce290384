"""Activations whose result is used for its sign or range are left alone, and the reason says where."""

import importlib.util
from typing import Any

import pytest
from torch import nn

from autoact.conversion import convert, find_layers
from autoact.spaces import LayerRule, SearchSpace

MODULE = """
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal, Poisson

OFFSET = 1.0

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.bias = nn.Linear(8, 8), nn.Linear(8, 8), nn.Parameter(torch.zeros(8))
        self.softmax, self.net, self.eps = nn.Softmax(-1), nn.Sequential(nn.Linear(8, 8), nn.ELU()), 1e-6
        self.att = nn.Parameter(torch.ones(8))

    def positive(self, x):
        return F.elu(x) + 1

    def forward(self, x, alpha=0.5, min_std=0.1):
        z = F.relu(self.a(x))
        {body}
"""


@pytest.fixture
def model(request, tmp_path):
    """Return a model whose forward ends with a test's line of code; relu_1 is an ordinary hidden unit."""
    file = tmp_path / "written.py"
    file.write_text(MODULE.format(body=request.param))
    specification: Any = importlib.util.spec_from_file_location("written", file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Model()


DEPENDING = {
    "h = F.elu(self.a(z)) + 1; return self.b(h)": "gets a constant added, which makes it positive",
    "h = OFFSET + F.elu(self.a(z)); return self.b(h * x)": "gets a constant added",
    "h = F.relu(self.a(z)) + self.eps; return self.b(h)": "gets a constant added",
    "h = F.relu(self.a(z)); h += min_std; return self.b(h)": "gets a constant added",
    "q, k = F.elu(self.a(z)) + 1.0, z; return self.b(q @ k.T @ x)": "gets a constant added",
    "return self.b(torch.sqrt(F.relu(self.a(z))))": "goes into sqrt",
    "return self.b(F.relu(self.a(z)).view(-1, 8).sqrt())": "goes into sqrt",
    "h = 0.5 * F.relu(self.a(z)); return self.b(torch.log1p(h))": "goes into log1p",
    "return self.b(F.relu(self.a(z)).clamp(min=1e-3).log())": "goes into log",
    "return self.b(1 / F.relu(self.a(z)))": "divides",
    "h = F.relu(self.a(z)); return self.b(h / h.sum(-1, keepdim=True))": "divides",
    "return self.b(x.div(F.relu(self.a(z))))": "argument of div",
    "return self.b(F.relu(self.a(z)) ** alpha)": "is raised to a power",
    "return self.b(F.relu(self.a(z)).pow(0.5))": "goes into pow",
    "return self.b(Normal(x, F.relu(self.a(z))).rsample())": "argument of Normal",
    "return self.b(Normal(x, scale=F.relu(self.a(z))).rsample())": "is scale=... of Normal",
    "return self.b(Poisson(F.relu(self.a(z))).sample())": "argument of Poisson",
    "h = torch.tanh(self.a(z)); return self.b(x * h.exp())": "is bounded for an exponent",
    "h = 2 * F.relu6(self.a(z)); return self.b(x * torch.exp(h))": "is bounded for an exponent",
    "h = F.leaky_relu(self.a(z)); return self.b(F.softmax(h, -1) * x)": "is a score of a softmax",
    "h = F.leaky_relu(self.a(z)); return self.b(h.softmax(-1))": "is a score of a softmax",
    "h = F.leaky_relu(self.a(z)); return self.b(self.softmax(h))": "is a score of a softmax",
    "h = F.leaky_relu(self.a(z)); return (h.masked_fill(x > 0, -9e9).softmax(-1))": "score of a softmax",
    "h = F.leaky_relu(self.a(z)); return (torch.where(x > 0, h, -9e9).softmax(-1))": "score of a softmax",
    "h = F.leaky_relu(self.a(z)); return self.b(h.where(x > 0, -9e9).softmax(-1))": "score of a softmax",
}


@pytest.mark.parametrize(("model", "reason"), DEPENDING.items(), indirect=["model"])
def test_what_depends_on_a_range_is_left_alone(model, reason):
    plan = find_layers(model)
    left = {path: why for path, why in plan.left_alone.items() if reason in why}
    assert len(left) == 1
    assert "(written.py, line " in next(iter(left.values()))
    assert not set(left) & set(plan.layers)
    (path,) = left
    space = SearchSpace("all", ("relu", "tanh"), layers=(LayerRule(match=path),))
    assert path in find_layers(model, space).layers


@pytest.mark.parametrize("model", ["return self.b(self.net(z) + 1)"], indirect=True)
def test_the_last_of_a_sequential_is_meant_too(model):
    assert "gets a constant added" in find_layers(model).left_alone["net.1"]


@pytest.mark.parametrize("model", ["return self.b(self.positive(z))"], indirect=True)
def test_so_is_what_a_method_computes(model):
    assert "gets a constant added" in find_layers(model).left_alone["elu_1"]


ORDINARY = [
    "h = F.relu(self.a(z)); return self.b(torch.exp(-h))",
    "h = F.relu(self.a(z)); return self.b(h + x)",
    "h = F.relu(self.a(z)); h += x; return self.b(h)",
    "h = F.relu(self.a(z)); return self.b(h + self.bias)",
    "h = F.relu(self.a(z)); return self.b(h * (x > 0).float())",
    "h = F.relu(self.a(z)); return self.b(h ** 2)",
    "h = F.relu(self.a(z)); return self.b(h / 2 - 1)",
    "h = F.relu(self.a(z)); return self.b(h / h.shape[-1] ** 0.5)",
    "h = F.relu(self.a(z)); return self.b(h / h.norm(dim=-1, keepdim=True))",
    "h = F.relu(self.a(z)); return F.log_softmax(self.b(h), -1)",
    "h = F.relu(self.a(z)); return self.b((h - h.mean()) / (h.std() + 1e-5))",
    "h = F.relu(self.a(z)); return self.b(((self.a(h) @ self.b(h).T) / 8**0.5).softmax(-1) @ h)",
    "h = F.relu(self.a(z)); return self.b(h / (1 + x.abs()))",
    "h = F.leaky_relu(self.a(z)); return self.b(((h * self.att).sum(-1)).softmax(0) @ x)",
    "h = F.leaky_relu(self.a(z)) + 1; return self.b(h)",
    "h = F.gelu(self.a(z)); return self.b(h + 0.1)",
]


@pytest.mark.parametrize("model", ORDINARY, indirect=True)
def test_ordinary_code_is_searched(model):
    del model.net
    plan = find_layers(model)
    assert len(plan.layers) == 2
    assert not any("its result" in why for why in plan.left_alone.values())


@pytest.mark.parametrize("model", ["return self.b(F.elu(self.a(z)) + 1)"], indirect=True)
def test_what_is_left_alone_stays(model):
    assert isinstance(convert(model), nn.Module)
    assert not hasattr(model, "elu_1")
