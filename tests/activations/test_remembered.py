"""What is remembered by the names of activations is forgotten where a name comes to mean another one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import sympy as sp
import torch

import autoact
from autoact import Choice
from autoact._cache import remembered
from autoact.activations import Activation, registered_meanwhile
from autoact.conversion.grid import computed_by
from autoact.kernels import mixture
from autoact.spaces import facts

X = sp.Symbol("x", real=True)
PACKAGE = Path(autoact.__file__).parent
NAME = "remembered_example"


def meaning(expression: sp.Expr) -> Activation:
    return Activation(NAME, expression, family="example")


def own(x: torch.Tensor) -> torch.Tensor:
    return 3 * torch.sin(x)


def known() -> tuple[object, ...]:
    """Return what several parts of the package remember of the name."""
    x = torch.full((5000,), 2.0)
    value = mixture(x, torch.ones(1), [NAME], torch.zeros(0))[0]
    return (
        round(float(value), 4),
        facts.least_value(NAME, ()),
        facts.smoothness(NAME, (), 3),
        computed_by(own),
    )


def test_a_name_with_another_meaning_is_another_activation_everywhere() -> None:
    with registered_meanwhile([meaning(sp.Abs(X))]):
        assert known() == (2.0, 0.0, 0, None)
    with registered_meanwhile([meaning(3 * sp.sin(X))]):
        value, least, smoothness, choice = known()
        assert value == pytest.approx(2.7279)
        assert least == pytest.approx(-3.0, abs=1e-2)
        assert (smoothness, choice) == (float("inf"), Choice(NAME))


def test_the_same_again_and_new_names_forget_nothing() -> None:
    calls = list[str]()

    @remembered(maxsize=4)
    def noted(name: str) -> int:
        calls.append(name)
        return len(calls)

    for expression in (sp.Abs(X), sp.Abs(X)):
        with registered_meanwhile([meaning(expression)]):
            assert noted(NAME) == 1
    with registered_meanwhile([Activation("remembered_other", X**3, family="example")]):
        assert noted(NAME) == 1
    with registered_meanwhile([meaning(X**2 / (1 + sp.Abs(X)))]):
        assert noted(NAME) == 2


def caches() -> Iterator[tuple[str, str, list[str]]]:
    """Yield file, name and arguments of every function that `functools` caches."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                how = [ast.unparse(each).partition("(")[0] for each in node.decorator_list]
                if {"lru_cache", "cache"} & set(how):
                    yield str(path.relative_to(PACKAGE)), node.name, [each.arg for each in node.args.args]


# names of something else than activations, or what follows from these whatever they mean
_OTHERS = {
    ("errors.py", "left_out"),
    ("kernels/gpu/_launching.py", "kernel"),
    ("activations/_free_form.py", "free_form"),
    ("search/executors/_session.py", "_is_found"),
    ("search/setup/_seeds.py", "_stream"),
}


def test_no_other_cache_is_by_names_of_activations() -> None:
    by_name = {"name", "names", "candidates", "choice", "choices", "key", "plan", "activation"}
    found = {(file, function) for file, function, arguments in caches() if by_name & set(arguments)}
    assert found - _OTHERS == set()
