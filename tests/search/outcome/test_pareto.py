"""Front of mean and latency: what nothing beats in both."""

from autoact.records import ParetoPoint
from autoact.search.outcome._pareto import on_front
from autoact.spaces import Assignment


def test_the_front_holds_what_nothing_beats() -> None:
    def point(mean: float, latency: float) -> ParetoPoint:
        return ParetoPoint(layers=Assignment({"a": "relu"}), mean=mean, sd=0.1, latency=latency)

    fast, good, between, dominated = point(1.0, 1.0), point(0.5, 3.0), point(0.8, 2.0), point(0.9, 2.5)
    equal = point(1.0, 1.0)
    assert on_front([good, dominated, fast, between, equal], minimize=True) == [fast, between, good]
    assert on_front([good, dominated, fast, between], minimize=False) == [fast]
