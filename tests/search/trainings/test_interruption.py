"""Signals end a search so that it can go on, with the exit status that they have; none is left handled."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoact import run_search
from autoact.records import Ledger
from autoact.search.trainings import SIGNALS, interruptible
from autoact.search.trainings._interruption import require_no_interruption
from autoact.spaces import Assignment
from tests.search.models import TRAINER, Curve, CurveData

ROOT = Path(__file__).parents[3]
SMALL: dict[str, Any] = {
    "space": ["relu", "tanh"],
    "budget": 2,
    "seeds": 2,
    "selection_seeds": 1,
    "quiet": True,
}
STATUS = {"SIGTERM": 143, "SIGHUP": 129}


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in SIGNALS]


class Sends:
    """Function that sends its process a signal in its second training."""

    def __init__(self, name: str) -> None:
        self.number, self.calls = getattr(signal, name), 0

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.calls += fraction == 1
        if self.calls == 2:
            self.calls += 1
            os.kill(os.getpid(), self.number)
        return len(str(assignment)) + seed % 7 / 10


@pytest.mark.parametrize("name", STATUS)
def test_a_signal_of_a_scheduler_ends_with_its_status_and_the_run_goes_on(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    out, before = tmp_path / "run", handlers()
    with pytest.raises(SystemExit) as ended:
        run_search(objective=Sends(name), layers=["a"], mode="min", out=out, **SMALL)
    assert ended.value.code == STATUS[name]
    assert caplog.messages == [f"Ended by {name}. Go on with: run_search(..., out='{out}', resume=True)"]
    assert handlers() == before
    ledger = Ledger(out / "trainings.jsonl")
    assert [training.state for training in ledger.trainings] == ["finished"] * 2  # with the probe
    sends = Sends(name)
    sends.calls = 3
    run_search(objective=sends, layers=["a"], mode="min", out=out, resume=True, **SMALL)
    assert {training.state for training in ledger.trainings} == {"finished"}


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    before = handlers()
    with pytest.raises(KeyboardInterrupt) as ended:
        run_search(objective=Sends("SIGINT"), layers=["a"], mode="min", out=tmp_path / "run", **SMALL)
    (note,) = ended.value.__notes__
    assert note == f"Go on with: run_search(..., out='{tmp_path / 'run'}', resume=True)"
    assert handlers() == before


def test_before_there_is_a_run_nothing_can_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit), interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert caplog.messages == ["Ended by SIGTERM."]
    with pytest.raises(KeyboardInterrupt) as ended, interruptible():
        signal.raise_signal(signal.SIGINT)
    assert not hasattr(ended.value, "__notes__")


def test_what_training_code_swallows_ends_the_run_all_the_same() -> None:
    with pytest.raises(SystemExit), interruptible():
        with suppress(BaseException):
            signal.raise_signal(signal.SIGTERM)
        raise RuntimeError("a loader process was ended by the same signal")


def test_a_second_signal_ends_what_the_first_one_began() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            reached.append("the end of a long cleaning up")
    assert reached == []


def test_a_signal_that_somebody_handles_is_left_to_them() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with interruptible():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)
        assert seen == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGHUP, ignored)


def test_in_another_thread_nothing_is_handled() -> None:
    found: list[Any] = []

    def look() -> None:
        with interruptible():
            found.extend(handlers())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == list(SIGNALS.values())


class Signalled(Curve):
    """A model whose process gets a signal in the training of an alternative."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if self.global_step == 2:
            os.kill(os.getpid(), self.number)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STATUS, "SIGINT"])
def test_a_signal_ends_a_training_of_lightning(tmp_path: Path, name: str) -> None:
    """Fault 2 of part 6: exit status 0 and no message, 6 of 8."""
    out, before = tmp_path / "run", handlers()
    number = getattr(signal, name)
    wanted = KeyboardInterrupt if name == "SIGINT" else SystemExit
    with pytest.raises(wanted) as ended:
        run_search(partial(Signalled, number), CurveData, out=out, trainer=TRAINER, **SMALL)
    assert getattr(ended.value, "code", 130) == {**STATUS, "SIGINT": 130}[name]
    assert handlers() == before


def wait(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def family(pid: int) -> list[int]:
    """Return a process and all that it and these have started, youngest first."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    with suppress(OSError):
        children = [int(child) for threads in listed for child in threads.read_text().split()]
        return [*(each for child in children for each in family(child)), pid]
    return []


def leads_a_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:  # a loader process ends with its epoch
        return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


CONFIG = """
model: {{class_path: tests.search.models.Curve}}
data: {{class_path: tests.search.trainings.test_interruption.Loaded}}
trainer: {{max_epochs: {epochs}, accelerator: cpu}}
space: [relu, tanh]
search: {{budget: 2, seeds: 2, selection_seeds: 1, workers: {workers}}}
"""


class Loaded(CurveData):
    """Data that loader processes bring."""

    def loader(self, rows: int, seed: int, shuffle: bool = False) -> Any:
        loader: Any = super().loader(rows, seed, shuffle)
        return type(loader)(loader.dataset, batch_size=32, num_workers=1)


def begun(folder: Path, workers: int, epochs: int = 100_000) -> "subprocess.Popen[str]":
    """Begin a search that trains for ever, and return it when all its workers have loader processes."""
    (folder / "config.yaml").write_text(CONFIG.format(workers=workers, epochs=epochs))
    search = subprocess.Popen(
        [sys.executable, "-m", "autoact", "search", "--config", "config.yaml", "--out", "run", "--quiet"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        ledger = folder / "run" / "trainings.jsonl"
        wait(lambda: ledger.exists() or search.poll() is not None, seconds=300)
        least = 2 if workers == 1 else 4  # the first training has a worker with its shell, and a loader
        wait(lambda: len(family(search.pid)) >= least or search.poll() is not None, seconds=300)
    except BaseException:
        search.kill()
        raise
    assert search.poll() is None, search.communicate()
    return search


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_job_that_is_ended_loses_nothing_and_leaves_nothing(tmp_path: Path, workers: int) -> None:
    """A scheduler signals every process of a job; faults 2 and 4 of part 6."""
    search = begun(tmp_path, workers)
    processes = family(search.pid)
    for pid in processes:  # the driver last
        with suppress(ProcessLookupError):  # a loader process ends with its epoch
            os.kill(pid, signal.SIGTERM)
    said = search.communicate(timeout=120)
    # around it Python tells of a signal that comes while it deletes an object, torch of a loader process that
    # the same signal ended
    assert said[0] == ""
    assert said[1].count("Ended by SIGTERM. Go on with: autoact search --resume run\n") == 1
    assert search.returncode == 143
    states = [training.state for training in Ledger(tmp_path / "run" / "trainings.jsonl").trainings]
    assert states == ["finished"]  # the probe
    wait(lambda: not any(map(alive, processes)), seconds=30)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path, workers: int) -> None:
    """Not even a worker that is stopped or hangs in compiled code, which cannot end itself."""
    search = begun(tmp_path, workers)
    processes = family(search.pid)
    if workers > 1:
        os.killpg(next(pid for pid in processes if leads_a_group(pid) and pid != search.pid), signal.SIGSTOP)
    search.kill()
    search.communicate(timeout=30)
    wait(lambda: not any(map(alive, processes)), seconds=30)


class Falls:
    """Object during whose deletion a Ctrl-C comes, when Python drops what handlers raise."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_while_an_object_is_deleted_ends_the_run_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), interruptible():
        Falls()
        require_no_interruption()
    assert capfd.readouterr().err == ""
    assert sys.unraisablehook is before
