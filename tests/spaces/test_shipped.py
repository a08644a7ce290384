"""What is true of every space that comes with autoact."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

import autoact
from autoact import analysis
from autoact.activations import get
from autoact.search.setup import Variables
from autoact.spaces import SearchSpace, shipped_spaces

SHIPPED = sorted(shipped_spaces())


def mlp():
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))


def test_there_is_one_for_each_kind_of_problem():
    assert SHIPPED == [
        "default",
        "graph",
        "implicit",
        "language",
        "medical_imaging",
        "physics",
        "systems_biology",
        "tabular",
        "transformer",
        "vision",
    ]


SQUARES = "language"  # whose blocks begin with a normalization


@pytest.mark.parametrize("name", [n for n in SHIPPED if n != SQUARES])
def test_its_members_differ_and_grow_at_most_linearly(name):
    space = SearchSpace.load(name)
    assert len(space.candidates) >= 6
    for member in space.candidates:
        for low in (True, False):
            ends = {
                p.name: (p.search or (p.default,))[0 if low else -1] for p in space.bounds.parameters(member)
            }
            assert analysis.growth(get(member), **ends) != "superlinear"
    assert space.notes == ()
    assert space.name == name


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.filterwarnings("ignore::autoact.nn.DoubtfulChoiceWarning")  # a short training
def test_a_model_learns_derives_and_becomes_plain_with_it(name):
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    space = SearchSpace.load(name)
    model = autoact.convert(mlp(), name, start="uniform")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = (model(x) - x.prod(1, keepdim=True)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    derived = autoact.derive(model)
    assert [space.refusal(choice) for choice in derived.values()] == [None, None]
    assert torch.isfinite(autoact.finalize(model)(x)).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_its_baselines_are_its_members(name):
    space = SearchSpace.load(name)
    variables = Variables.of(autoact.conversion.find_layers(mlp(), name))
    assert variables.names == space.candidates
    assert variables.allows(variables.original) is (name != "physics")


def test_physics_has_second_derivatives_everywhere():
    x = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)
    for member in SearchSpace.load("physics").candidates:
        (first,) = torch.autograd.grad(get(member)(x).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        assert second.diff().abs().max() < 0.1, member


def test_systems_biology_is_never_negative():
    x = torch.linspace(-50, 50, 1001, dtype=torch.float64)
    for member in SearchSpace.load("systems_biology").candidates:
        assert get(member)(x).min() >= 0, member


def test_the_documentation_lists_them_as_they_are():
    page = (Path(autoact.__file__).parent.parent / "docs" / "search-spaces.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*?\| ([^|]*) \|$", page, re.MULTILINE))
    listed = {name: tuple(re.sub(r" \(.*?\)", "", rows[name]).split(", ")) for name in SHIPPED}
    assert listed == {name: SearchSpace.load(name).candidates for name in SHIPPED}
