"""Front of value and cost: what is on it, and which of it is taken where there is too much."""

import itertools

import pytest

from autoact.records import Training, on_front
from autoact.search.goals import Priced, spread
from autoact.spaces import Assignment


def priced(value: float, cost: float) -> Priced:
    model = Training(phase="trial", label=f"{value}", assignment=Assignment({"a": "relu"}), seed=0, trial=0)
    return Priced(model, value, cost)


def test_the_front_holds_what_nothing_is_as_good_and_as_cheap_as() -> None:
    cheap, good, between = (1.0, 3.0), (3.0, 0.5), (2.0, 1.0)  # cost and value
    beaten, as_good, as_cheap = (2.5, 1.5), (3.5, 0.5), (1.0, 3.5)
    models = [good, beaten, as_good, cheap, as_cheap, between]
    assert on_front(models, place=lambda model: model) == [cheap, between, good]
    assert on_front(models, place=lambda model: (model[0], -model[1])) == [as_cheap]


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
