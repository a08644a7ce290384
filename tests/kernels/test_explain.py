"""What `explain` says is what the gate decided."""

import pytest
import sympy as sp
import torch

import autoact
from autoact.kernels import Way, _operator, cpu, explain, route
from autoact.kernels.cpu import _library as c_library

NAMES = ("relu", "elu", "tanh")
needs_compiler = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")


def layer(**arguments):
    return autoact.AutoActivation(list(NAMES), **arguments)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (torch.ones(255), "torch code, because x has fewer than 256 elements"),
        (torch.ones(300, dtype=torch.float64), "torch code, because x is float64"),
        (torch.ones(300, device="meta"), "torch code, because meta has no kernels of its own"),
        pytest.param(torch.ones(300), "C, because x is on a CPU", marks=needs_compiler),
    ],
)
def test_a_sentence_says_which_way_and_why(x, text):
    own = layer().to(x.device)
    assert text in explain(own, x)
    assert explain(own, x).startswith("Generated ")


def test_one_candidate_alone_is_named():
    assert "torch's own elu" in explain(layer(start="elu"), torch.ones(300))
    assert "create_graph" in explain(layer(), torch.ones(300))


def test_a_member_without_a_form_in_c_is_named():
    @autoact.activation(family="test")
    def explained(x):
        """A function without a vector form in C."""
        return sp.asinh(x)

    own = autoact.AutoActivation(["relu", "explained"])
    assert "asinh has no vector form in C" in explain(own, torch.ones(300))


@needs_compiler
def test_without_a_compiler(monkeypatch):
    monkeypatch.setattr(cpu, "kernels_for", lambda plan, dtype: "no C compiler")
    _operator._on_cpu.cache_clear()
    try:
        assert "torch code, because no C compiler" in explain(layer(), torch.ones(300))
    finally:
        _operator._on_cpu.cache_clear()


def test_transforms_and_compilers_get_the_formula():
    w, x = torch.rand(3), torch.ones(2, 300)
    seen = []

    def f(a):
        seen.append(route(NAMES, a, w, a.new_ones(1)))
        return a

    torch.vmap(f)(x)
    assert seen[0].way is Way.FORMULA
    assert "transform" in seen[0].reason
    ways = []

    def g(a):
        ways.append(route(NAMES, a, w, w).way.value)
        return a

    torch.compile(g, backend="eager")(x)
    assert ways == [Way.FORMULA.value]


@needs_compiler
def test_the_layer_goes_where_explain_says(monkeypatch):
    seen = []
    decide = _operator.route

    def recorded(*arguments):
        seen.append(decide(*arguments).way)
        return decide(*arguments)

    monkeypatch.setattr("autoact.nn._auto.route", recorded)
    monkeypatch.setattr(_operator, "route", recorded)
    for own in (layer(), layer(granularity="channel", channels=3), layer(relaxation="affine")):
        for x in (torch.ones(4, 3), torch.ones(100, 3)):
            seen.clear()
            own(x)
            explain(own, x)
            assert len(set(seen)) == 1
            assert len(seen) in (2, 3)
