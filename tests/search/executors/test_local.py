"""In this process a training that takes too long is interrupted; limits that cannot be held are refused."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autoact import run_search
from autoact.errors import ConfigurationError, SearchFailedError
from autoact.records import Ledger, Training
from autoact.search import Settings
from autoact.search.executors import _watchdog, can_end, executor_for, require_limits
from autoact.search.setup import seeds_for
from autoact.search.trainings import NO_EXTRAS, Executor, Undone
from autoact.spaces import Assignment
from autoact.training import Measurement
from tests.search.executors.clock import Clock

QUICK: dict[str, Any] = {"space": ["relu", "tanh"], "layers": ["a"], "mode": "min", "quiet": True}
FOUND = Measurement(selection=1.0, steps=1, planned_steps=1.0, seconds=0.0)


def training(seed: int = 1) -> Training:
    return Training(phase="baseline", label="relu", assignment=Assignment({"net.1": "relu"}), seed=seed)


class Does:
    """Task that does what it is told to, for several trainings as one, too."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action

    def measure(self, training: Any, extras: Any) -> Measurement:
        self.action()
        return FOUND

    def measure_stack(self, trainings: Any, checkpoint: Any = None) -> list[Measurement]:
        self.action()
        return [FOUND for _ in trainings]


def spin() -> None:
    while True:
        pass


def swallow() -> None:
    for _ in range(2):
        with suppress(BaseException):
            time.sleep(600)
    time.sleep(600)


@pytest.fixture(autouse=True)
def again(monkeypatch: pytest.MonkeyPatch, often: None) -> None:
    monkeypatch.setattr(_watchdog, "_AGAIN", 0.1)


@pytest.fixture
def within() -> Iterator[Callable[[float, Callable[[], Any]], Any]]:
    opened = []

    def executor(seconds: float, action: Callable[[], Any]) -> Executor:
        opened.append(executor_for(Does(action), Settings(training_timeout=seconds)))
        return opened[-1].__enter__()

    yield executor
    for each in opened:
        each.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


@pytest.mark.parametrize("how", [lambda: time.sleep(600), threading.Event().wait, spin, swallow])
def test_a_training_that_hangs_fails_for_this_reason(within: Any, how: Any) -> None:
    (ended,) = within(0.2, how).submit([training()], NO_EXTRAS).result()
    assert ended.state == "failed"
    assert ended.error == "it took longer than 0.2 s: it hangs, or training_timeout has to be more"
    assert ended.seconds >= 0.2


def test_a_stack_that_hangs_is_not_done(within: Any) -> None:
    found = within(0.1, spin).submit([training(1), training(2)], NO_EXTRAS).result()
    assert found == Undone("it took longer than 0.2 s: it hangs, or training_timeout has to be more")


def test_the_next_training_has_all_of_its_time(within: Any, clock: Clock) -> None:
    executor = within(0.5, lambda: clock.let_pass(0.2))
    for seed in range(5):
        (ended,) = executor.submit([training(seed)], NO_EXTRAS).result()
        assert ended.state == "finished"


def test_an_exit_of_the_users_code_ends_a_training_only(within: Any) -> None:
    def leave() -> None:
        raise SystemExit(3)

    executor = within(100.0, leave)
    (ended,) = executor.submit([training()], NO_EXTRAS).result()
    assert ended.error == "SystemExit: 3"
    assert executor.submit([training(1), training(2)], NO_EXTRAS).result() == Undone("SystemExit: 3")


def test_an_exit_of_the_users_code_in_the_probe_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(SearchFailedError, match="SystemExit: 0"):
        run_search(objective=lambda *_: exit(0), out=tmp_path / "run", **QUICK)


def test_limits_that_nobody_could_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_limits(Settings(training_timeout=60, memory_limit=2))
    monkeypatch.setattr(signal, "getsignal", lambda number: spin)
    assert not can_end(Settings())
    require_limits(Settings(training_timeout=60, workers=2))
    require_limits(Settings(training_timeout=float("inf")))
    with pytest.raises(ConfigurationError, match=r"training_timeout is 60, .* SIGALRM.* Set workers to 2"):
        require_limits(Settings(training_timeout=60))
    monkeypatch.setattr(_watchdog, "_PROCESSES", Path("/nowhere"))
    with pytest.raises(ConfigurationError, match=r"memory_limit is 2, but only Linux tells .* Leave it out"):
        require_limits(Settings(memory_limit=2))


@pytest.mark.parametrize("name", ["training_timeout", "memory_limit"])
@pytest.mark.parametrize("value", [0, -1, "many", True, float("nan")])
def test_a_limit_is_a_number_above_zero(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name} is {value!r}; it must be a number above 0: "):
        Settings(**{name: value})


def test_a_search_in_another_thread_has_no_limit(tmp_path: Path) -> None:
    found: list[Any] = []

    def search() -> None:
        settings = {**QUICK, "budget": 1, "seeds": 2, "selection_seeds": 1}
        found.append(run_search(objective=lambda *_: 1.0, out=tmp_path / "run", **settings))

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert found[0].plan.settings.training_timeout is None


def test_a_hang_counts_once_and_a_resume_repeats_it_in_the_confirmation_alone(
    tmp_path: Path, clock: Clock
) -> None:
    hangs, calls, out = [True], [], tmp_path / "run"

    def objective(assignment: Assignment, seed: int, fraction: float) -> float:
        calls.append((assignment["a"].activation, seed))
        first = seeds_for(result_settings).confirmation[0]
        if hangs[0] and ("elu" == calls[-1][0] or calls[-1] == ("relu", first)):
            clock.let_pass(600)
        return len(str(assignment)) + seed % 7 / 10

    settings: dict[str, Any] = {"budget": 4, "seeds": 3, "selection_seeds": 1}
    result_settings = Settings(monitor="objective", mode="min", **settings)
    asked = {**QUICK, **settings, "space": ["relu", "tanh", "elu"]}
    result = run_search(objective=objective, out=out, training_timeout=0.2, **asked)
    trials = list(Ledger(out / "trainings.jsonl").of("trial"))
    assert len(trials) == 4
    assert {"failed"} == {t.state for t in trials if t.assignment["a"].activation == "elu"}  # type: ignore[index]
    assert "elu could not be trained: it took longer than 0.2 s" in result.summary()
    assert result.report["comparisons"]["original"]["left_out"] == 1
    hangs[0] = False
    calls.clear()
    result = run_search(objective=objective, out=out, resume=True, **asked)
    assert calls == [("relu", seeds_for(result_settings).confirmation[0])]
    assert result.plan is not None
    assert result.plan.settings.training_timeout == 0.2
    assert result.report["comparisons"]["original"]["left_out"] == 0
