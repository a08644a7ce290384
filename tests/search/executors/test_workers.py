"""Worker processes do the same trainings, and end with their parent."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact import run_search
from autoact.errors import SearchFailedError
from autoact.records import Ledger
from autoact.search.executors import threads_as_in
from autoact.search.setup import Settings, seeds_for
from autoact.spaces import Assignment
from tests.search.models import OBJECTIVE, SEARCH, STEPS, Curve, CurveData, Watched

ROOT = Path(__file__).parents[3]


def values(out: Path, *phases: Any) -> dict[tuple[str, int], float]:
    return {(e.key, e.seed): e.selection for e in Ledger(out / "trainings.jsonl").of(*phases)}


@pytest.mark.slow
def test_two_workers_train_as_one(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "two"
    data = CurveData(str(log), str(out / "assignment.yaml"))
    two = run_search(partial(Watched, str(log)), data, out=out, workers=2, **SEARCH)
    one = run_search(Curve, CurveData, out=tmp_path / "one", **SEARCH)
    ours, theirs = (values(folder, "one-shot", "baseline") for folder in (out, tmp_path / "one"))
    both = ours.keys() & theirs.keys()  # but for a choice of its own: two at once are asked for in advance
    assert len(both) >= 4  # the mixture and three uniform models, one of them the original
    assert {key: ours[key] for key in both} == pytest.approx({key: theirs[key] for key in both})
    assert two.report["cost"]["search"]["trainings"] == 6
    done = Ledger(out / "trainings.jsonl").trainings[1:]
    assert len({(t.phase, t.key, t.seed) for t in done}) == len(done)
    probes = 5  # three of the original, one of the mixture, one of an alternative
    assert log.read_text().splitlines().count("fit") == probes + len(done)
    trials = {
        t.trial for t in done if t.trial is not None
    }  # baselines on seeds of the search are trials, too
    assert trials == {trial.number for trial in two.study.trials if trial.state.name == "COMPLETE"}
    costs = [result.report["cost"]["baselines"] for result in (one, two)]
    assert [cost["steps"] for cost in costs] == [STEPS * cost["trainings"] for cost in costs]
    assert len({(e.key, e.seed) for e in Ledger(out / "trainings.jsonl").of("confirmation")}) in (3, 6, 9)
    readings = [line for line in log.read_text().splitlines() if line.startswith("test")]
    assert set(readings) == {"test True"}
    resumed = run_search(partial(Watched, str(log)), data, out=out, workers=1, resume=True, **SEARCH)
    assert resumed.report == two.report


@pytest.mark.long  # by default: tests/search/trainings/test_interruption.py, nothing outlives a parent
@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    paths = [str(tmp_path / "log"), str(tmp_path / "run")]
    held = 5 + 4  # the probe's, and then the fourth: two have ended
    command = [sys.executable, "-m", "tests.search.killed_search", *paths, str(held), "2"]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ledger = tmp_path / "run" / "trainings.jsonl"
    _wait(lambda: ledger.exists() and ledger.read_text().count("\n") > 2, seconds=300)
    _wait(lambda: len(_children(parent.pid)) == 4, seconds=60)  # each worker has a shell that ends it
    children = _children(parent.pid)
    parent.kill()
    parent.wait()
    _wait(lambda: not any(_alive(child) for child in children), seconds=120)
    model = partial(Watched, str(tmp_path / "log"), 0)
    result = run_search(model, CurveData, out=tmp_path / "run", resume=True, **SEARCH)
    assert result.report["cost"]["search"]["trainings"] == 6


def _wait(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    """Return the processes that any thread of a process has started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for threads in found for child in threads.read_text().split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")


def test_a_probe_uses_the_threads_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    before = torch.get_num_threads()
    with threads_as_in(3):
        assert torch.get_num_threads() == 2
    with threads_as_in(20):
        assert torch.get_num_threads() == 1
    with threads_as_in(1):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


SMALL: dict[str, Any] = {**OBJECTIVE, "workers": 2}
SCRIPT = f"""
import autoact
print("runs")
def objective(assignment, seed, fraction):
    return len(str(assignment)) + seed % 7 / 10
result = autoact.run_search(objective=objective, out=OUT, **{SMALL!r})
print(result.verdict, len(result.report["failures"]))
"""


def python(
    *arguments: str, cwd: Path, text: str | None = None, status: int = 0
) -> "subprocess.CompletedProcess[str]":
    """Run an interpreter in a folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", pytest.param("standard input", marks=pytest.mark.long)])
def test_a_script_without_a_guard_is_run_once(tmp_path: Path, how: str) -> None:
    text = SCRIPT.replace("OUT", repr(str(tmp_path / "run")))
    (tmp_path / "script.py").write_text(text)
    done = python("script.py" if how == "file" else "-", cwd=tmp_path, text=text)
    assert done.stdout.splitlines() == ["runs", "no significant difference 0"]
    assert done.stderr == ""


@pytest.mark.long
@pytest.mark.slow
def test_a_notebook_searches_with_workers_and_goes_on_in_a_new_kernel(tmp_path: Path) -> None:
    """Fault F9: "Can't get attribute 'Net' on <module '__main__'>", and three wrong reasons."""
    file = str(ROOT / "tests/search/executors/notebook.py")
    done = python(file, "run", "1.0", cwd=tmp_path)
    assert done.stdout.endswith(" 0\n")
    assert done.stderr == ""
    assert (tmp_path / "run" / "checkpoints" / "final.ckpt").exists()
    ledger = tmp_path / "run" / "trainings.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    assert not any('"failed"' in line for line in lines)
    ledger.write_text("".join(lines[:-1]))
    (tmp_path / "run" / "report.json").unlink()
    resumed = python(file, "run", "1.0", "resume", cwd=tmp_path)
    assert (resumed.stdout, resumed.stderr) == (done.stdout, "")
    assert len(ledger.read_text().splitlines()) == len(lines)
    changed = python(file, "run", "2.0", "resume", cwd=tmp_path, status=1)
    assert "the problem is another one than when it began: source of Net" in changed.stderr


class Fatal:
    """A function that ends the process in which some are trained, unless it is the one that made it."""

    def __init__(self) -> None:
        self.parent = os.getpid()

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        (choice,) = assignment.values()
        if choice.activation == "elu" and os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)
        if choice.activation == "gelu":
            os._exit(7)
        if choice.activation == "silu":
            raise SystemExit(3)
        return len(str(assignment)) + seed % 7 / 10


WHY = {
    "elu": "its process was killed (SIGKILL), as happens when memory runs out: fewer workers or "
    "smaller batches need less",
    "gelu": "its process ended itself with exit status 7",
    "silu": "SystemExit: 3",
}


@pytest.mark.long
@pytest.mark.slow
def test_a_worker_that_dies_is_a_training_that_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Fault 6 of part 6: one dead worker ended the search, 8 of 8."""
    result = run_search(objective=Fatal(), out=tmp_path / "run", **{**SMALL, "space": ["relu", "tanh", *WHY]})
    failed = {t.label: t.error for t in result.trainings if t.state == "failed" and t.phase == "baseline"}
    assert failed == WHY
    for name, why in WHY.items():
        assert f"{name} could not be trained: {why}" in result.summary()
    assert {t.state for t in result.trainings if "relu" in str(t.assignment)} == {"finished"}
    assert capfd.readouterr() == ("", "")


class Places:
    """Function that notes process, GPU and how loader processes start; at some places it crashes, once.

    Args:
        log: Where to note.
        crash: How.
        where: Activation and seed of each place.
    """

    def __init__(self, log: Path, crash: str, where: set[tuple[str, int]]) -> None:
        self.log, self.crash, self.where, self.parent = log, crash, where, os.getpid()

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        if os.getpid() == self.parent:
            return 1.0
        place = (assignment["a"].activation, seed)
        crashes = place in self.where and f"crash {place}" not in self.log.read_text()
        with self.log.open("a") as file:
            how = multiprocessing.get_context().get_start_method()
            gpu = os.environ.get("CUDA_VISIBLE_DEVICES")
            print(os.getpid(), gpu, how, f"crash {place}" * crashes, file=file)
        if crashes:
            exec(self.crash)
        return len(str(assignment)) + seed % 7 / 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("crash", "why", "limit"),
    [
        ("import os; os._exit(7)", "its process ended itself with exit status 7", None),
        pytest.param(
            "while True: pass",
            "it took longer than 10 s: it hangs, or training_timeout has to be more",
            10.0,  # the others take a moment, on a machine that does much else, too
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_worker_that_is_replaced_keeps_its_device_and_the_confirmation_its_pairs(
    tmp_path: Path, crash: str, why: str, limit: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part 6 of the faults: one failure decided, a hang hung, loaders were 150 times slower."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    counts = {name: SMALL[name] for name in ("budget", "seeds", "selection_seeds")}
    seeds = seeds_for(Settings(monitor="objective", mode="min", **counts))
    log = tmp_path / "log"
    log.touch()
    objective = Places(log, crash, {("relu", seeds.search[0]), ("relu", seeds.confirmation[0])})
    result = run_search(objective=objective, out=tmp_path / "run", training_timeout=limit, **SMALL)
    noted = [line.split() for line in log.read_text().splitlines()]
    assert {gpu for _, gpu, *_ in noted} == {"4", "GPU-7"}
    assert {how for _, _, how, *_ in noted} == {multiprocessing.get_context().get_start_method()}
    dead = [(number, process, gpu) for number, (process, gpu, _, *crashed) in enumerate(noted) if crashed]
    assert len(dead) == 2
    for number, process, gpu in dead:
        assert process not in {each[0] for each in noted[number + 1 :]}
        assert gpu in {each[1] for each in noted[number + 1 :]}
    lost = [training for training in result.trainings if training.state == "failed"]
    assert {training.error for training in lost} == {why}
    assert "confirmation" in {training.phase for training in lost}
    assert result.report["comparisons"]["original"]["left_out"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import sys\nif not hasattr(sys, 'parent'): raise RuntimeError('imported once')\n", "imported once"),
        (
            "from autoact import run_search\nrun_search(objective=len)\n",
            "run_search is called where a module",
        ),
    ],
    ids=["once", "searching"],
)
def test_a_module_that_a_worker_cannot_import_is_refused_before_the_start(
    tmp_path: Path, text: str, why: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "only_here.py"
    file.write_text("def objective(assignment, seed, fraction):\n    return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "only_here", raising=False)
    only_here = importlib.import_module("only_here")
    file.write_text(text + file.read_text())
    with pytest.raises(SearchFailedError, match=rf"^A worker process cannot begin: .*{why}.*workers to 1\.$"):
        run_search(objective=only_here.objective, out=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()
    assert capfd.readouterr() == ("", "")


IMPORTED = """
import sys, time
from tests.search.models import Curve

class Imported(Curve):
    pass

while sys.argv[0] == "-c" and {importing}:  # in a worker
    time.sleep(0.1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("importing", [pytest.param(True, marks=pytest.mark.long), False])
def test_ctrl_c_is_one_line_and_exit_status_130(tmp_path: Path, importing: bool) -> None:
    """Fault F14: about 50 lines of a worker's import. Here that never ends, or the first training."""
    (tmp_path / "imported.py").write_text(IMPORTED.format(importing=importing))
    (tmp_path / "config.yaml").write_text(
        "model: {class_path: imported.Imported}\n"
        "data: {class_path: tests.search.models.CurveData}\n"
        "trainer: {max_epochs: 100_000, accelerator: cpu}\n"
        "space: [relu, tanh]\nsearch: {budget: 2, seeds: 2, selection_seeds: 1, workers: 2}\n"
    )
    out = tmp_path / "run"
    search = subprocess.Popen(
        [sys.executable, "-m", "autoact", "search", "--config", "config.yaml", "--out", str(out), "--quiet"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    ledger = out / "trainings.jsonl"
    _wait(
        lambda: search.poll() is not None or (_children(search.pid) and (importing or ledger.exists())), 300
    )
    children = _children(search.pid)
    assert children
    os.killpg(search.pid, signal.SIGINT)
    said = search.communicate(timeout=60)
    resume = "" if importing else f" Go on with: autoact search --resume {out}"
    assert said == ("", f"autoact: interrupted.{resume}\n")
    assert search.returncode == 130
    _wait(lambda: not any(_alive(child) for child in children), seconds=60)
