"""A process that does trainings takes their task over once, if it is like the one that sends it."""

import pickle
import subprocess
import sys
from pathlib import Path

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


HANGS = """
import pickle, time
from autoact.search.clusters._elsewhere import Order, hold, work
from autoact.search.trainings import NO_EXTRAS

class Hangs:
    def measure(self, training, extras):
        time.sleep(600)

hold("fifth", Hangs())
work(Order(task="fifth", content=pickle.dumps(([None], NO_EXTRAS)), seconds=0.1), None)
"""


@pytest.mark.slow
def test_a_process_ends_itself_where_a_training_takes_too_long_and_tells_where_it_was() -> None:
    root = Path(__file__).parents[3]
    found = subprocess.run([sys.executable, "-c", HANGS], cwd=root, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr.startswith("Timeout (0:00:00.100000)!")
    assert "in measure" in found.stderr
