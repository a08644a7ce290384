"""Formulas that are bred stay legal and small, come again by seed, and none is trained twice."""

from collections.abc import Sequence

import numpy as np
import pytest

from autoact.errors import ConfigurationError
from autoact.invention import Tree
from autoact.invention._breeding import (
    GENERATION,
    Bred,
    _grown,
    _is_new,
    _normal_scores,
    breed,
)
from autoact.invention._genomes import crossed, mutated, tree_of

Z = np.linspace(-2, 2, 41)
BUDGET = 64


def from_a_wave(trees: Sequence[Tree], seeds: Sequence[int]) -> np.ndarray:
    wanted = np.exp(-Z * Z) * np.cos(2 * Z)
    errors = [np.square(tree.dual(Z, 1.0)[0] - wanted).mean() for tree in trees]
    return np.repeat(np.array(errors)[:, None], len(seeds), 1)


class Recorded:
    def __init__(self) -> None:
        self.calls: list[tuple[int, tuple[int, ...]]] = []
        self.formulas: list[str] = []

    def __call__(self, trees: Sequence[Tree], seeds: Sequence[int]) -> np.ndarray:
        self.calls.append((len(trees), tuple(seeds)))
        if len(seeds) == 1:
            self.formulas += [str(tree.expression) for tree in trees]
        return from_a_wave(trees, seeds)


@pytest.mark.slow
def test_the_budget_is_spent_as_it_says() -> None:
    score = Recorded()
    found = breed(score, budget=BUDGET, seed=3)
    assert score.calls == [(GENERATION, (3,))] * 5 + [(4, (4, 5, 6, 7, 8, 9))]
    assert sum(count * len(seeds) for count, seeds in score.calls) == BUDGET
    assert len(set(score.formulas)) == len(score.formulas) == 40
    assert score.formulas[0] == "Max(0, x)"
    assert len(found) == 40
    assert list(found[0].losses) == [4, 5, 6, 7, 8, 9]
    assert found[0].new
    assert found[0].loss == min(one.loss for one in found if one.new)


@pytest.mark.slow
def test_the_same_seed_breeds_the_same() -> None:
    first, again, other = (breed(from_a_wave, budget=BUDGET, seed=seed) for seed in (1, 1, 2))
    assert [one.genome for one in first] == [one.genome for one in again]
    assert [one.genome for one in first] != [one.genome for one in other]


@pytest.mark.long
@pytest.mark.slow
def test_breeding_improves_on_the_first_generation() -> None:
    gains = []
    for seed in range(4):
        score = Recorded()
        found = breed(score, budget=160, seed=seed)
        first = [one.loss for one in found if str(one.tree.expression) in score.formulas[:GENERATION]]
        gains.append(found[0].loss < 0.7 * min(first))
    assert sum(gains) >= 3


@pytest.mark.slow
def test_what_diverged_is_never_chosen() -> None:
    def score(trees: Sequence[Tree], seeds: Sequence[int]) -> np.ndarray:
        smooth = ["exp" not in str(tree.expression) for tree in trees]
        return np.where(np.array(smooth)[:, None], np.nan, from_a_wave(trees, seeds))

    found = breed(score, budget=BUDGET, seed=0)
    assert np.isfinite(found[0].loss)
    assert found[-1].loss == np.inf


def test_children_are_genomes_and_those_that_grow_stay_small_and_finite() -> None:
    draw = np.random.default_rng(0)
    one, other = ("times", "x", ("sigmoid", "x")), ("plus", ("bell", ("twice", "x")), "x")
    grown = 0
    for _ in range(300):
        child = crossed(one, other, draw) if draw.random() < 0.5 else mutated(one, draw)
        assert tree_of(child).expression.free_symbols <= tree_of("x").expression.free_symbols
        pair = _grown(child)
        if pair is not None:
            grown += 1
            assert pair[1].size <= 20
            assert np.isfinite(pair[1].dual(np.linspace(-1e3, 1e3, 101), 1.0)[0]).all()
    assert grown > 100


@pytest.mark.parametrize(
    "genome",
    ["x", ("cube", "x"), ("times", ("square", "x"), "x"), ("minus", "x")],
    ids=["line", "cube", "product", "mirrored line"],
)
def test_lines_and_what_grows_too_fast_do_not_grow(genome: object) -> None:
    assert _grown(genome) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("genome", "new"),
    [
        (("pos", "x"), False),
        (("minus", ("pos", ("minus", "x"))), False),  # relu, mirrored twice
        (("times", ("half", "x"), ("sigmoid", "x")), False),  # half a silu
        (("times", "x", ("bell", "x")), True),
    ],
)
def test_a_registered_function_is_no_invention(genome: object, new: bool) -> None:
    assert _is_new(tree_of(genome)) is new  # type: ignore[arg-type]


def test_scores_are_those_of_ranks() -> None:
    scores = _normal_scores(np.array([0.3, np.inf, 0.1]))
    assert scores.tolist() == pytest.approx([0.0, 0.9674, -0.9674], abs=1e-4)


def test_the_loss_of_one_that_diverged_once_is_infinite() -> None:
    assert Bred("x", tree_of("x"), {0: 1.0, 1: float("nan")}, True).loss == np.inf


def test_a_budget_that_breeds_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="budget of 31 breeds nothing; give 32"):
        breed(from_a_wave, budget=31)
