"""A process that does trainings takes their task over once, if it is like the one that sends it."""

import pickle
import socket
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact.search.clusters._elsewhere import Order, hold, packed, release, this_process, work
from autoact.search.trainings import NO_EXTRAS, ModelTask
from autoact.spaces import Assignment, SearchSpace
from autoact.training import split
from tests.search.models import TRAINER, Curve, CurveData

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


def test_a_module_that_is_not_there_is_told_with_what_to_do() -> None:
    sent = packed(Absent(), 1)  # type: ignore[arg-type]
    answer = work(Order(task="sixth", content=READY), sent)
    assert answer is not None
    assert answer.refused == (
        f"ModuleNotFoundError: No module named 'my_model' (on {socket.gethostname()}): what the search "
        "imports has to be installed there, or to travel with it (docs, Executors)"
    )


class Absent:
    """A task whose module the other machine lacks."""

    def __reduce__(self) -> Any:
        return import_module, ("my_model",)


def missing() -> CurveData:
    raise FileNotFoundError(2, "No such file or directory", "/data/points.csv")


def test_what_trains_only_where_the_search_runs_is_told_before_it_begins() -> None:
    parts, space = split(CurveData), SearchSpace.of(["relu"])
    task = ModelTask(
        make_module=Curve,
        parts=parts,
        space=space,
        original=Assignment({"net.1": "relu"}),
        monitor="val_loss",
        trainer=TRAINER,
    )
    for data, refused in (
        (CurveData, ""),
        (missing, "the model trains where the search runs, and not there: FileNotFoundError: [Errno 2] "),
    ):
        hold("seventh", replace(task, parts=replace(parts, data=data)))
        for driver, said in ((("elsewhere", 1), refused), (this_process(), "")):  # here, a probe has told
            answer = work(Order(task="seventh", content=READY, driver=driver), None)
            assert answer is not None
            assert answer.refused.startswith(said)
            assert bool(answer.refused) == bool(said)
    release("seventh")


HANGS = """
import pickle, time
from autoact.search.clusters._elsewhere import Order, hold, work
from autoact.search.trainings import NO_EXTRAS

class Hangs:
    def measure(self, training, extras):
        time.sleep(600)

hold("fifth", Hangs())
work(Order(task="fifth", content=pickle.dumps(([None], NO_EXTRAS)), seconds=1.0), None)
"""


@pytest.mark.slow
def test_a_process_ends_itself_where_a_training_takes_too_long_and_tells_where_it_was() -> None:
    root = Path(__file__).parents[3]
    found = subprocess.run([sys.executable, "-c", HANGS], cwd=root, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr.startswith("Timeout (0:00:01)!")
    assert "in measure" in found.stderr
