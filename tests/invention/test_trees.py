"""Trees compute what their expressions say, and none is there twice."""

import random

import numpy as np
import pytest
import sympy as sp

from autoact.activations import X, to_primitives
from autoact.analysis import growth, subject
from autoact.invention import trees
from autoact.invention._trees import THETA, UNARIES, Tree, summands

POINTS = np.linspace(-3.05, 2.9, 60)


@pytest.mark.parametrize("name", UNARIES)
def test_a_unary_function_is_its_expression(name: str) -> None:
    unary = UNARIES[name]
    value, slope = unary.dual(POINTS)
    expected = subject(to_primitives(unary.expression(X), X))
    assert np.allclose(value, expected(POINTS), rtol=0, atol=1e-9)
    assert np.allclose(slope, expected(POINTS, 1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("tree", random.Random(0).sample(trees(), 12), ids=lambda t: str(t.expression))
def test_a_tree_is_its_expression(tree: Tree) -> None:
    value, slope = tree.dual(POINTS, 1.3)
    expected = subject(to_primitives(tree.expression.subs(THETA, 1.3), X))
    assert np.allclose(value, expected(POINTS), rtol=0, atol=1e-8)
    assert np.allclose(slope, expected(POINTS, 1), rtol=0, atol=1e-8)


def test_no_expression_is_there_twice() -> None:
    found = [tree.expression for tree in trees()]
    assert len(found) > 600
    assert len(set(found)) == len(found)


def test_equal_values_are_one_tree() -> None:
    """tanh is a sigmoid of another scale; a square of sine is a cosine; max(0, x) is |x| and a line."""
    single = {tree.expression for tree in trees() if not tree.scaled}
    assert sp.Abs(X) in single
    assert sp.Max(X, 0) not in single
    assert len(single & {sp.sin(X) ** 2, sp.cos(X) ** 2}) == 1


def test_no_tree_grows_faster_than_a_line() -> None:
    squares = {X**2, X**3, sp.Abs(X) ** 3}
    assert not squares & {tree.expression for tree in trees()}
    sample = random.Random(1).sample([tree for tree in trees() if not tree.scaled], 6)
    assert {growth(tree.expression) for tree in sample} <= {"bounded", "sublinear", "linear"}


def test_the_second_terms_begin_with_the_first_ones() -> None:
    first, second = summands()
    assert second[: len(first)] == first
    assert all(tree.scaled for tree in second[len(first) :])
