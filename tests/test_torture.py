"""Torture of searches: each kind of harm in the short mode, and an unsound run is seen."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from autoact import run_search
from scripts import torture
from scripts.harm.bench import Tally
from scripts.harm.invariants import Values, comparable, faults, report
from tests.search.models import SMALLEST, Curve, CurveData

SCRIPT = Path(torture.__file__)


@pytest.mark.long
@pytest.mark.slow
def test_what_a_search_promises_holds_after_each_harm(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--short", "--json", str(rows)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(rows.read_text())["rows"]
    assert set(found) == set(torture.ROWS) - torture.LONG
    assert [name for name, row in found.items() if not row["times"] and not row["skipped"]] == []
    assert [name for name in found if f"| {name} |" not in done.stdout] == []


@pytest.mark.slow
def test_what_a_search_promises_holds_after_a_kill_and_a_signal(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--short", "--only", "kill", "terminate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| ok |") == 2


def test_rows_that_are_done_are_not_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def made(name: str, faults: list[str]) -> Any:
        def harm(bench: Any) -> Tally:
            done.append(name)
            return Tally(1, faults, Counter({"trial": 1}))

        return harm

    for name in ("brief", "environment"):
        monkeypatch.setattr(torture, name, lambda: None)
    monkeypatch.setattr(torture, "ROWS", {"well": made("well", []), "badly": made("badly", ["it is lost"])})
    for more in ([], [], ["--seed", "1"]):
        assert torture.main(["--json", str(tmp_path / "rows.json"), *more]) == 1
    assert done == ["well", "badly", "badly", "well", "badly"]
    said = capsys.readouterr().out
    assert said.count("| well | 1 | trial 1 | 0 | ok |") == 3
    assert said.count("badly: it is lost\n") == 3


def test_a_row_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        torture.main(["--only", "flood"])
    assert "invalid choice: 'flood'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    run_search(Curve, CurveData, out=folder / "runs" / "run", **{**SMALLEST, "budget": 3})
    return folder / "runs"


HARMS: dict[str, tuple[Any, str]] = {
    "nothing": (lambda run: None, ""),
    "a training that is done twice": (
        lambda run: edit(run, lambda lines: [*lines, lines[-1]]),
        "done twice: confirmation",
    ),
    "a trial that is lost": (
        lambda run: edit(run, lambda lines: [line for line in lines if '"trial": 1,' not in line]),
        "of the budget of 3 are spent",
    ),
    "a lost trial of the study": (
        lambda run: (run / "study.db").unlink(),
        "study.db cannot be read",
    ),
    "another value": (lambda run: edit(run, other_value), "in another run"),
    "another report": (
        lambda run: (run / "report.json").write_text(json.dumps(unsealed(run) | {"budget": 7})),
        "report.json differs in budget",
    ),
    "a temporary file": (lambda run: (run / ".report.json.7.tmp").touch(), ".report.json.7.tmp is left"),
    "a folder beside": (lambda run: (run.parent / ".autoact-probe-1").mkdir(), "is left beside the run"),
    "no page": (lambda run: (run / "report.html").unlink(), "there is no report.html"),
    "no log": (lambda run: shutil.rmtree(run / "tensorboard"), "0 trials are in TensorBoard"),
}


def edit(run: Path, change: Any) -> None:
    file = run / "trainings.jsonl"
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))


def unsealed(run: Path) -> dict[str, Any]:
    return {name: value for name, value in report(run).items() if name != "checksum"}


def other_value(lines: list[str]) -> list[str]:
    changed = json.loads(lines[-1])
    del changed["checksum"]
    return [*lines[:-1], json.dumps({**changed, "selection": 9.0}) + "\n"]


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_a_run_that_is_not_as_it_must_be_is_seen(sound: Path, tmp_path: Path, harm: str) -> None:
    values: Values = {}
    expected = comparable(report(sound / "run"))
    assert list(faults(sound / "run", budget=3, expected=expected, values=values)) == []
    shutil.copytree(sound, tmp_path / "runs")
    run = tmp_path / "runs" / "run"
    change, seen = HARMS[harm]
    change(run)
    found = list(faults(run, budget=3, expected=expected, values=values))
    assert any(seen in fault for fault in found) if seen else found == []
