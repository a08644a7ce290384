"""Worker processes do the same trainings, and end with their parent."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact import run_search
from autoact.records import Ledger
from autoact.search.trainings import threads_as_in
from tests.search.models import SEARCH, STEPS, Curve, CurveData, Watched

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
    probes = 4  # two of the original, one of the mixture, one of an alternative
    assert log.read_text().splitlines().count("fit") == probes + len(done)
    trials = {t.trial for t in done if t.phase == "trial"}
    assert trials == {trial.number for trial in two.study.trials if trial.state.name == "COMPLETE"}
    costs = [result.report["cost"]["baselines"] for result in (one, two)]
    assert [cost["steps"] for cost in costs] == [STEPS * cost["trainings"] for cost in costs]
    assert len({(e.key, e.seed) for e in Ledger(out / "trainings.jsonl").of("confirmation")}) in (3, 6, 9)
    readings = [line for line in log.read_text().splitlines() if line.startswith("test")]
    assert set(readings) == {"test True"}
    resumed = run_search(partial(Watched, str(log)), data, out=out, workers=1, resume=True, **SEARCH)
    assert resumed.report == two.report


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    paths = [str(tmp_path / "log"), str(tmp_path / "run")]
    command = [sys.executable, "-m", "tests.search.killed_search", *paths, "0", "2"]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ledger = tmp_path / "run" / "trainings.jsonl"
    _wait(lambda: ledger.exists() and ledger.read_text().count("\n") > 2, seconds=300)
    children = _children(parent.pid)
    assert len(children) >= 2
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
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


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
