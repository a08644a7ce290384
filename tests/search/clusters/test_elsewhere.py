"""A process that does trainings takes their task over once, if it is like the one that sends it."""

import pickle

import pytest
import torch

from autoact.search.clusters._elsewhere import Order, hold, packed, release, work
from autoact.search.trainings import NO_EXTRAS

READY = pickle.dumps(((), NO_EXTRAS))


def test_a_process_asks_for_the_task_once() -> None:
    sent = packed(("a", "task"), 1)  # type: ignore[arg-type]
    order = Order(task="first", content=READY, threads=torch.get_num_threads())
    assert work(order, None) is None
    for given in (sent, None):
        answer = work(order, given)
        assert answer is not None
        assert answer.refused == ""
    hold("second", ("another", "task"))  # type: ignore[arg-type]
    assert work(order, None) is None  # only one is kept
    release("second")


@pytest.mark.parametrize("what", ["autoact", "torch", "python"])
def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    from autoact.search.clusters import _elsewhere

    sent, here = packed(("a", "task"), 1), _elsewhere._versions()  # type: ignore[arg-type]
    monkeypatch.setattr(_elsewhere, "_versions", lambda: {**here, what: "0.0"})
    answer = work(Order(task="third", content=READY), sent)
    assert answer is not None
    assert answer.refused.startswith(
        f"it has {what} 0.0 in place of {here[what]}: install what the search itself has (on "
    )


def test_what_cannot_be_taken_over_is_told() -> None:
    answer = work(Order(task="fourth", content=READY), b"no pickle")
    assert answer is not None
    assert answer.refused.startswith("UnpicklingError: ")
