"""Front of value and cost: what is on it, and which of it is taken where there is too much."""

import itertools

import pytest

from autoact.records import Training
from autoact.search.goals import Priced, on_front, spread
from autoact.spaces import Assignment


def priced(value: float, cost: float) -> Priced:
    model = Training(phase="trial", label=f"{value}", assignment=Assignment({"a": "relu"}), seed=0, trial=0)
    return Priced(model, value, cost)


def test_the_front_holds_what_nothing_is_as_good_and_as_cheap_as() -> None:
    cheap, good, between = priced(3.0, 1.0), priced(0.5, 3.0), priced(1.0, 2.0)
    beaten, as_good, as_cheap = priced(1.5, 2.5), priced(0.5, 3.5), priced(3.5, 1.0)
    assert on_front([good, beaten, as_good, cheap, as_cheap, between]) == [cheap, between, good]


def area(models: list[Priced], end: Priced, worst: float) -> float:
    ordered = [*sorted(models, key=lambda one: one.cost), end]
    return sum((worst - a.value) * (b.cost - a.cost) for a, b in itertools.pairwise(ordered))


def test_of_many_the_cheapest_is_taken_and_those_that_take_in_most() -> None:
    front = [priced(10.0 - n**1.5 / 4, float(n)) for n in range(9)]
    end = priced(0.0, 10.0)
    found = spread(front, end, 3)
    assert found[0] == front[0]
    assert [one.cost for one in found] == sorted(one.cost for one in found)
    best = max(area([front[0], a, b], end, 10.0) for a, b in itertools.combinations(front[1:], 2))
    assert area(found, end, 10.0) >= (1 - 1 / 2.718) * best  # what greedy choices are worth at least


@pytest.mark.parametrize(("count", "taken"), [(0, 0), (1, 1), (4, 2)])
def test_of_few_all_are_taken(count: int, taken: int) -> None:
    front = [priced(2.0, 0.0), priced(1.0, 1.0)]
    assert len(spread(front, priced(0.0, 2.0), count)) == taken
