"""The adapter for submitit that the documentation shows, with jobs that are threads in place of Slurm's."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

import autoact
from autoact import run_search
from tests.search.clusters.test_futures import objective
from tests.search.clusters.values import values
from tests.search.models import OBJECTIVE

PAGE = Path(autoact.__file__).parents[1] / "docs" / "executors.md"


class Job:
    """What submitit returns: a result that is waited for, or the error of a job that was lost."""

    def __init__(self, call: Callable[[], Any], lost: bool) -> None:
        self.call, self.lost, self.found = call, lost, None
        self.thread = Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.found = self.call()

    def result(self) -> Any:
        self.thread.join()
        if self.lost:
            raise RuntimeError("Job 7 was cancelled")
        return self.found


class AutoExecutor:
    """Submitit's, as far as the page uses it; the third job is lost."""

    jobs: list[Job]

    def __init__(self, folder: str) -> None:
        self.folder, self.jobs = folder, []

    def update_parameters(self, **named: Any) -> None:
        assert named["cpus_per_task"] == 4

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Job:
        self.jobs.append(Job(lambda: function(*arguments, **named), lost=len(self.jobs) == 2))
        return self.jobs[-1]


def test_jobs_of_submitit_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "slurm_jobs.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "submitit", SimpleNamespace(AutoExecutor=AutoExecutor))
    monkeypatch.delitem(sys.modules, "slurm_jobs", raising=False)
    run_search(objective=objective, out=tmp_path / "here", **OBJECTIVE)
    run_search(objective=objective, out=tmp_path / "there", executor="slurm_jobs:jobs", **OBJECTIVE)
    assert values(tmp_path / "there") == values(tmp_path / "here")
