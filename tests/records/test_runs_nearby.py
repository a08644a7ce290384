"""A run directory that does not exist: the one that was meant is named."""

from pathlib import Path

import pytest

from autoact.errors import RunDirectoryError
from autoact.records import RunDirectory, runs_nearby, suggested_run
from autoact.report import read_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("demo-1", "a-long-name-of-a-run"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "trainings.jsonl").touch()
    (tmp_path / "runs" / "demo-2").mkdir()  # no run
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("runs")
def test_the_run_that_was_meant_is_named() -> None:
    assert runs_nearby("demo-1") == ["runs/a-long-name-of-a-run", "runs/demo-1"]
    assert suggested_run("a-long-name-of-a-run") == " Did you mean 'runs/a-long-name-of-a-run'?"
    assert suggested_run("runs/deno-1") == " Did you mean 'runs/demo-1'?"
    assert suggested_run("dmo-1") == " Did you mean 'runs/demo-1'?"
    assert suggested_run("xyz") == ""
    with pytest.raises(RunDirectoryError, match=r"does not exist.*Did you mean 'runs/demo-1'\?"):
        RunDirectory.open("demo-1")
    with pytest.raises(RunDirectoryError, match=r"is not a directory.*Did you mean 'runs/demo-1'\?"):
        read_run("demo-1")
