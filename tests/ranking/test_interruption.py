"""A ranking that is interrupted or killed goes on where it was and ends as if undisturbed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from autoact.cli import main
from autoact.errors import ConfigurationError
from autoact.ranking import Ranking, rank_activations
from autoact.search.executors import _worker
from tests.ranking.watched import begun, curve, watched

HOW: dict[str, Any] = {"against": ["tanh"], "seeds": 2, "quiet": True, "tasks": [curve]}
TRAININGS = 3 * 2  # activations and seeds
FILE = """import sympy as sp
import autoact

@autoact.activation(family="test")
def interrupted_bend(x, amount=autoact.Parameter(default=0.5)):
    return x + amount * (sp.sqrt(x**2 + 1) - 1)
"""


def ranked(out: Path, **how: Any) -> Ranking:
    return rank_activations(["gelu"], out=out, **{**HOW, **how})


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in watched(tmp_path / "notes").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


def send(monkeypatch: pytest.MonkeyPatch, notes: Path, sent: str, at: int) -> None:
    """Let a ranking of this process get a signal in one of its trainings."""
    for name, value in watched(notes, sent, at, os.getpid()).items():
        monkeypatch.setenv(name, value)


def check_whole(found: Ranking, out: Path, tmp_path: Path) -> None:
    """Assert that a ranking is that of an undisturbed one, and that its ledger holds no training twice."""
    assert len((out / "curve.jsonl").read_text().splitlines()) == TRAININGS
    assert found.tasks[0].values == ranked(tmp_path / "undisturbed").tasks[0].values


WORKERS = [1, pytest.param(2, marks=pytest.mark.long)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize(
    ("sent", "ended", "status"), [("SIGINT", KeyboardInterrupt, None), ("SIGTERM", SystemExit, 143)]
)
def test_a_signal_ends_a_ranking_which_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notes: Path,
    caplog: pytest.LogCaptureFixture,
    workers: int,
    sent: str,
    ended: type[BaseException],
    status: int | None,
) -> None:
    out, before = tmp_path / "out", signal.getsignal(getattr(signal, sent))
    send(monkeypatch, notes, sent, at=4)
    with pytest.raises(ended) as caught:
        ranked(out, workers=workers)
    said = [*getattr(caught.value, "__notes__", ()), *caplog.messages]
    assert said[-1].endswith(f"Go on with the same again: {out} has what was trained.")
    assert getattr(caught.value, "code", None) == status
    assert signal.getsignal(getattr(signal, sent)) is before
    done = len((out / "curve.jsonl").read_text().splitlines())
    before_the_rest = begun(notes)
    assert before_the_rest - workers <= done < before_the_rest
    found, fits = ranked(out), begun(notes)
    assert fits == TRAININGS + before_the_rest - done  # those that were being done begin again
    check_whole(found, out, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_kill_9_of_a_ranking_which_goes_on(tmp_path: Path, notes: Path, workers: int) -> None:
    out = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, "-m", "tests.ranking.killed_ranking", str(out), str(workers)],
        env={**os.environ, **watched(notes, "SIGKILL", at=4)},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert begun(notes) - workers <= len((out / "curve.jsonl").read_text().splitlines()) < begun(notes)
    check_whole(ranked(out), out, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The '(train|val)_dataloader' does not have many workers")
@pytest.mark.parametrize("workers", WORKERS)
def test_ctrl_c_of_the_command_says_how_to_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notes: Path,
    capsys: pytest.CaptureFixture[str],
    workers: int,
) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    out = tmp_path / "out"
    command = ["compare", str(tmp_path / "mine.py"), "--tasks", "tests.ranking.watched:curve"]
    command += ["--against", "tanh", "--seeds", "2", "--workers", str(workers), "--out", str(out)]
    send(monkeypatch, notes, "SIGINT", at=4)
    assert main(command) == 130
    assert capsys.readouterr().err == (
        f"autoact: interrupted. Go on with the same again: {out} has what was trained.\n"
    )
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"3 activations x 2 seeds x 1 task: {TRAININGS} trainings"
    assert said[1] == f"curve: trained, {TRAININGS} of {TRAININGS} are done"
    assert said[2].startswith("interrupted_bend: mean rank")


def test_a_ranking_does_not_begin_where_a_worker_imports_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiving = threading.Event()
    receiving.set()
    monkeypatch.setattr(_worker, "_receiving", receiving)
    with pytest.raises(ConfigurationError, match="rank_activations is called where a module"):
        ranked(tmp_path / "out")
    assert not (tmp_path / "out").exists()
