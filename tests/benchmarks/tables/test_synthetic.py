import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from autoact.analysis import distance
from scripts.benchmarks.tables import (
    Landscape,
    SyntheticTable,
    additive,
    adversarial,
    misleading_start,
    planted,
    pure_noise,
)

FIVE = ("relu", "elu", "gelu", "tanh", "sin")


def every(table: SyntheticTable) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(len(names)) for names in table.candidates)))


@pytest.mark.parametrize("make", [additive, adversarial, planted, misleading_start])
@pytest.mark.parametrize("layers", [1, 2, 4])
def test_the_best_is_the_best_of_all(make, layers):
    table = make(3, layers=layers, names=FIVE)
    values = {assignment: table.true_value(assignment) for assignment in every(table)}
    assert min(values, key=lambda a: values[a]) == table.best
    assert table.regret(table.best) == 0
    regrets = [table.regret(assignment) for assignment in values]
    assert min(regrets) == 0
    assert np.median(regrets) == pytest.approx(1, abs=0.35 if layers == 1 else 0.1)


def test_a_problem_too_large_to_list_has_its_best_too():
    table = additive(1, layers=10, names=FIVE)
    rng = np.random.default_rng(0)
    assert all(table.regret(tuple(rng.integers(5, size=10))) > 0 for _ in range(300))


def test_values_repeat_and_scatter_by_the_noise_asked_for():
    table: Landscape = additive(0, noise=0.44)
    at = (1, 2, 3)
    assert table.value(at, 5, 1) == table.value(at, 5, 1)
    finals = [table.value(at, seed, 2) for seed in range(400)]
    assert np.std(finals) == pytest.approx(0.44, rel=0.12)
    earlier = [table.value(at, seed, 1) for seed in range(400)]
    assert np.corrcoef(finals, earlier)[0, 1] == pytest.approx(0.5, abs=0.1)
    assert abs(np.corrcoef(finals, [table.compared(at, seed) for seed in range(400)])[0, 1]) < 0.15


def closeness(table: SyntheticTable) -> float:
    """Rank correlation of function-space distance with the difference of values, over pairs of candidates."""
    pairs = list(itertools.combinations(range(len(table.names)), 2))
    apart = [distance(table.names[a], table.names[b]) for a, b in pairs] * len(table.layers)
    differ = [abs(values[a] - values[b]) for values in table.unary[-1] for a, b in pairs]
    return float(spearmanr(apart, differ).statistic)


@pytest.mark.slow
def test_distance_informs_where_it_should_and_misleads_where_it_should():
    assert np.mean([closeness(additive(seed)) for seed in range(10)]) > 0.3
    assert np.mean([closeness(adversarial(seed)) for seed in range(10)]) < 0


@pytest.mark.parametrize("seed", range(5))
def test_the_planted_optimum_is_mixed(seed):
    assert len(set(planted(seed).best)) > 1


def test_short_trainings_mislead_where_they_should():
    def agreement(table: SyntheticTable) -> float:
        short, full = ([table.true_value(a, rung) for a in every(table)] for rung in (0, 2))
        return float(spearmanr(short, full).statistic)

    assert np.mean([agreement(additive(seed)) for seed in range(5)]) > 0.7
    assert abs(np.mean([agreement(misleading_start(seed)) for seed in range(5)])) < 0.4


def test_all_are_equal_in_pure_noise():
    table = pure_noise(0)
    assert {table.regret(a) for a in every(table)} == {0.0}
    assert np.std([table.value((0, 0, 0), seed, 2) for seed in range(300)]) == pytest.approx(1, rel=0.15)
