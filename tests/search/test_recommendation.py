"""The recommendation trusts means over several seeds, not the luckiest single value."""

import math

import pytest
from autoact.search.ledger import Entry
from autoact.search.recommendation import Evidence, contenders
from autoact.search.tuned import Tuned
from autoact.search.variables import key_of

from autoact.spaces import Assignment


def entry(name: str, value: float, state: str = "finished") -> Entry:
    assignment = Assignment({"a": name})
    return Entry(
        phase="trial",
        label=name,
        key=key_of(assignment),
        assignment=assignment.to_dict()["layers"],
        seed=1,
        steps=1,
        seconds=1.0,
        selection=value,
        state=state,  # type: ignore[arg-type]
    )


def evidence(*values: tuple[str, float], minimize: bool = True) -> Evidence:
    found = Evidence(minimize)
    found.add(entry(name, value) for name, value in values)
    return found


@pytest.mark.parametrize(("minimize", "best"), [(True, "tanh"), (False, "relu")])
def test_the_best_mean_wins(minimize: bool, best: str) -> None:
    found = evidence(("relu", 0.3), ("tanh", 0.1), ("elu", 0.2), minimize=minimize)
    assert found.best() == Tuned(Assignment({"a": best}))


def test_a_lucky_single_value_does_not_beat_repeated_ones() -> None:
    found = evidence(("tanh", 0.05), ("relu", 0.2), ("relu", 0.21), ("elu", 0.1), ("elu", 0.4))
    assert found.best() == Tuned(Assignment({"a": "relu"}))


def test_a_repeat_that_diverges_counts_against_its_assignment() -> None:
    found = evidence(("tanh", 0.1), ("relu", 0.2))
    found.add([entry("tanh", math.nan, "diverged"), entry("relu", 0.3)])
    assert found.best() == Tuned(Assignment({"a": "relu"}))
    found.add([entry("relu", 0.1, "failed")])
    assert found.best() is None


def test_nothing_tried_recommends_nothing() -> None:
    assert evidence().best() is None
    assert contenders(evidence(), 0, 3) == []


def test_equal_means_keep_the_older() -> None:
    assert evidence(("relu", 0.1), ("tanh", 0.1)).best() == Tuned(Assignment({"a": "relu"}))


def test_repeats_go_to_three_then_to_two_contenders() -> None:
    found = evidence(("relu", 0.4), ("tanh", 0.1), ("elu", 0.2), ("silu", 0.3))

    def names(turn: int, left: int) -> list[str]:
        return [tuned.assignment["a"].activation for tuned in contenders(found, turn, left)]

    assert names(0, 5) == ["tanh", "elu", "silu"]
    assert names(1, 2) == ["tanh", "elu"]
    assert names(5, 9) == ["tanh", "elu"]
    assert names(0, 1) == ["tanh"]
