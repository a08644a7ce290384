"""Any executor of concurrent.futures trains as this process does, and may break."""

import re
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from autoact import run_search
from autoact.errors import ConfigurationError, SearchFailedError
from autoact.records import Ledger
from autoact.search.clusters._cluster import ClusterGoneError
from autoact.search.clusters._elsewhere import Order
from autoact.search.clusters._futures import Futures, pool_of
from autoact.spaces import Assignment
from tests.search.clusters.values import values
from tests.search.models import OBJECTIVE, SMALLEST, Curve, CurveData

POOLS = "tests.search.clusters.pools"


def objective(assignment: Assignment, seed: int, fraction: float) -> float:
    return len(str(assignment)) + seed % 7 / 10


class Breaking(ThreadPoolExecutor):
    """An executor that breaks after some orders."""

    def __init__(self, orders: int) -> None:
        super().__init__(1)
        self.left = orders

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        self.left -= 1
        if self.left < 0:
            raise BrokenExecutor("a process was killed")
        return super().submit(function, *arguments, **named)


@pytest.mark.slow
def test_a_process_pool_trains_and_prunes_as_this_process_does(tmp_path: Path) -> None:
    settings = {**SMALLEST, "budget": 3, "pruner": optuna.pruners.ThresholdPruner(upper=0.75)}
    here = run_search(Curve, CurveData, out=tmp_path / "here", **settings)
    there = run_search(
        Curve, CurveData, out=tmp_path / "there", executor=f"{POOLS}:processes", workers=1, **settings
    )
    assert values(tmp_path / "there") == values(tmp_path / "here")
    assert there.report["comparisons"] == here.report["comparisons"]
    assert any(state == "pruned" for state, *_ in values(tmp_path / "there").values())
    assert (tmp_path / "there" / "checkpoints" / "final.ckpt").exists()
    assert [*(tmp_path / "there" / "tensorboard" / "one-shot").glob("events*")]


def test_an_executor_that_breaks_is_a_stop_that_can_be_resumed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    run_search(objective=objective, out=here, **OBJECTIVE)
    with pytest.raises(SearchFailedError) as stop:
        run_search(objective=objective, out=there, executor=Breaking(5), **OBJECTIVE)
    assert str(stop.value) == (
        "The executor Breaking is broken: a process was killed Give a new one, or 'module:function', which "
        f"makes one. Nothing that has ended is lost. Go on with: run_search(..., out='{there}', resume=True)"
    )
    done = Ledger(there / "trainings.jsonl").trainings
    assert len(done) == 1 + 4  # the probe, and one order made sure that a worker can begin
    stored = yaml.safe_load((there / "config.yaml").read_text())["search"]
    assert (stored["executor"], stored["workers"]) == ("an Executor object was given", None)
    with pytest.raises(ConfigurationError, match=r"object that was given in Python\. Give it again, "):
        run_search(objective=objective, out=there, resume=True, **OBJECTIVE)
    with ThreadPoolExecutor(4) as pool:
        resources = {"cpus": 1}
        found = run_search(
            objective=objective, out=there, resume=True, executor=pool, resources=resources, **OBJECTIVE
        )
        assert found.report["executor"] == "an Executor object was given"
        assert found.report["resources"] == resources
        assert pool.submit(len, "it is not ours to shut down").result() == 27
    assert Ledger(there / "trainings.jsonl").trainings[: len(done)] == done
    assert values(there) == values(here)
    assert len(values(there)) == len(Ledger(there / "trainings.jsonl").trainings)


def test_where_trainings_run_may_change_with_a_resume(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(SearchFailedError):
        run_search(objective=objective, out=out, executor=Breaking(3), **OBJECTIVE)
    run_search(objective=objective, out=out, resume=True, executor=f"{POOLS}:threads", **OBJECTIVE)
    assert yaml.safe_load((out / "config.yaml").read_text())["search"]["executor"] == f"{POOLS}:threads"
    again = run_search(objective=objective, out=out, resume=True, **OBJECTIVE)  # it stays as it was
    assert again.report["confirmation"]["seeds"]
    run_search(objective=objective, out=out, resume=True, executor="local", **OBJECTIVE)
    assert yaml.safe_load((out / "config.yaml").read_text())["search"]["executor"] == "local"


def test_a_function_makes_another_executor_when_one_breaks() -> None:
    made: list[Executor] = []

    def again() -> Executor:
        made.append(ThreadPoolExecutor(1))
        return made[-1]

    cluster = Futures(Breaking(0), "The executor", None, again)
    answer = cluster.submit(Order(task="none", content=b""), None).result()
    assert answer is None  # the process asks for the task
    assert len(made) == 1
    cluster.close(abandon=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        made[0].submit(len, "")


def test_an_object_that_breaks_is_gone() -> None:
    with pytest.raises(ClusterGoneError, match=r"^The executor is broken: a process was killed Give a new"):
        Futures(Breaking(0), "The executor", None, None).submit(Order(task="none", content=b""), None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:pool", "cannot be imported: No module named 'no_such_module'"),
        (f"{POOLS}:absent", "cannot be imported: module .* has no attribute 'absent'"),
    ],
)
def test_a_function_that_is_not_there_is_named(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^executor is '{re.escape(name)}', and that {message}"):
        pool_of(name)


def test_a_function_that_makes_something_else_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"pools:nothing returned None; it must return a conc"):
        pool_of(f"{POOLS}:nothing")()
