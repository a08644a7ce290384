"""Files of a run that are lost or changed: what the ledger tells is the same, and a lost ledger is named."""

import json
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from autoact import load_run, run_search
from autoact.errors import ConfigurationError, RunDirectoryError, SearchFailedError
from autoact.records import Ledger
from autoact.search import SearchResult
from autoact.spaces import Assignment
from tests.search.models import SEARCH, CurveData, Watched

BUDGET, PROBES = 5, 1
VALUES = {"tanh": 0.3, "relu": 0.2, "sin": 0.4}


class Objective:
    """A function of a user's own that is interrupted at one of its calls, from 1; 0: at none."""

    def __init__(self, stop_at: int = 0) -> None:
        self.left = stop_at

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        first, second = (VALUES[choice.activation] for choice in assignment.values())
        return first + 2 * second * first + seed % 97 / 1000


def search(folder: Path, stop_at: int = 0, **changes: Any) -> SearchResult:
    settings: dict[str, Any] = {"budget": BUDGET, "seeds": 2, "selection_seeds": 1, "mode": "min"}
    return run_search(
        objective=Objective(stop_at),
        layers=["a", "b"],
        space=[*VALUES],
        out=folder / "run",
        quiet=True,
        **{**settings, **changes},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    search(folder)
    return folder


def told(folder: Path) -> dict[str, Any]:
    """Return what a run says in all of its files, but for times."""
    run = folder / "run"
    report = json.loads((run / "report.json").read_text())
    for spent in report["cost"].values():
        del spent["seconds"]
    del report["checksum"]  # of the times, too
    ledger = Ledger(run / "trainings.jsonl")
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{run / 'study.db'}")
    return {
        **{f"report.{name}": value for name, value in report.items()},
        "ledger": sorted((t.phase, t.key, t.seed, t.selection) for t in ledger.trainings),
        "choice": (run / "assignment.yaml").read_text(),
        "study": [(t.state, t.params, t.value) for t in study.trials],
        "tensorboard": sorted(log.name for log in (run / "tensorboard").iterdir()),
    }


def calls(folder: Path, phase: Any) -> int:
    """Return the number of the call that is the second training of a phase."""
    phases = [training.phase for training in Ledger(folder / "run" / "trainings.jsonl").trainings]
    return phases.index(phase) + 2


CHANGED = Assignment({"a": "sin", "b": "sin"})


@pytest.mark.slow
@pytest.mark.parametrize("at", ["trial", "baseline", "confirmation", "end"])
def test_whatever_else_is_lost_or_changed_the_ledger_tells_the_same(
    whole: Path, tmp_path: Path, at: str
) -> None:
    if at == "end":
        shutil.copytree(whole / "run", tmp_path / "run")
    else:
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path, calls(whole, at))
    run = tmp_path / "run"
    shutil.copytree(run, tmp_path / "lost" / "run")
    shutil.copytree(run, tmp_path / "changed" / "run")
    for name in ("study.db", "tensorboard"):
        target = tmp_path / "lost" / "run" / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    (tmp_path / "lost" / "run" / "assignment.yaml").unlink(missing_ok=True)
    (tmp_path / "changed" / "run" / "study.db").write_bytes(b"no database")
    if at != "trial":
        CHANGED.save(tmp_path / "changed" / "run" / "assignment.yaml")
    for folder in (tmp_path, tmp_path / "lost", tmp_path / "changed"):
        result = search(folder, resume=True)
        assert told(folder) == told(whole)
        assert result.assignment == Assignment.load(folder / "run" / "assignment.yaml")


def test_a_wrong_value_in_the_configuration_is_named_with_its_file(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "run", tmp_path / "run")
    file = tmp_path / "run" / "config.yaml"
    file.write_text(file.read_text().replace(f"budget: {BUDGET}", "budget: few"))
    asked = re.escape(f"What the run was asked is in {file}.")
    with pytest.raises(ConfigurationError, match=rf"^budget is 'few'; .* {asked}$"):
        search(tmp_path, resume=True, budget=None)


@pytest.mark.slow
def test_a_study_is_read_whatever_its_directory_is_called_and_a_lost_one_is_named(
    whole: Path, tmp_path: Path
) -> None:
    expected = [trial.value for trial in load_run(whole / "run").study.trials]
    run = tmp_path / "a?b#c%20d{e}{0}" / "run"
    shutil.copytree(whole / "run", run)
    assert [trial.value for trial in load_run(run).study.trials] == expected
    for content in (None, b"no database"):
        run.joinpath("study.db").unlink(missing_ok=True)
        if content is not None:
            run.joinpath("study.db").write_bytes(content)
        with pytest.raises(
            RunDirectoryError, match=r"study\.db cannot be read .* run_search\(.*resume=True"
        ) as refused:
            _ = load_run(run).study
        assert "\n" not in str(refused.value)
        assert run.joinpath("study.db").exists() == (content is not None)
        search(run.parent, resume=True)
        assert [trial.value for trial in load_run(run).study.trials] == expected


def test_a_search_that_time_has_ended_goes_on_with_more_though_files_are_lost(tmp_path: Path) -> None:
    with pytest.raises(SearchFailedError, match=r"hours are over before the baselines are trained.*hours="):
        search(tmp_path, hours=1e-9)
    assert not (tmp_path / "run" / "assignment.yaml").exists()  # chosen once the baselines are trained
    (tmp_path / "run" / "report.json").unlink()
    result = search(tmp_path, resume=True, hours=1)
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl")
    assert len(list(ledger.of("trial"))) == BUDGET
    assert result.verdict is not None


@pytest.mark.slow
@pytest.mark.parametrize("kept", [0, 1, 3])
@pytest.mark.parametrize("at", ["trial", "confirmation"])
def test_a_lost_or_shorter_ledger_is_named_and_nothing_is_trained(
    whole: Path, tmp_path: Path, at: str, kept: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, PROBES + 4 if at == "trial" else calls(whole, at))
    ledger = tmp_path / "run" / "trainings.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(lines[:kept]))
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(
        RunDirectoryError, match=r"trainings\.jsonl lacks trainings, .* Restore the file"
    ) as no:
        search(tmp_path, 1, resume=True)
    assert "\n" not in str(no.value)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    ledger.write_text("".join(lines))
    search(tmp_path, resume=True)
    assert told(tmp_path) == told(whole)


def watched(folder: Path, **changes: Any) -> SearchResult:
    model = partial(Watched, str(folder / "log"))
    settings = {**SEARCH, "space": ["relu", "tanh"], "budget": 2, "seeds": 2, **changes}
    return run_search(model, CurveData(), out=folder / "run", **settings)


@pytest.mark.slow
def test_the_studies_of_the_tuning_are_written_again_too(tmp_path: Path) -> None:
    rates = {"parameters": {"model.lr": {"log": [1e-3, 0.1]}}}
    watched(tmp_path, **rates)
    file = tmp_path / "run" / "study.db"
    before, trained = _studies(file), (tmp_path / "log").read_text()
    assert len(before) > 1
    file.write_bytes(b"no database")
    (tmp_path / "run" / "hyperparameters.yaml").unlink()
    result = watched(tmp_path, resume=True, **rates)
    assert _studies(file) == before
    assert (tmp_path / "log").read_text() == trained
    chosen = yaml.safe_load((tmp_path / "run" / "hyperparameters.yaml").read_text())
    assert chosen == result.hyperparameters


def _studies(file: Path) -> dict[str, Any]:
    storage = f"sqlite:///{file}"
    names = optuna.get_all_study_names(storage)
    return {
        name: [
            (t.state, t.params, t.value) for t in optuna.load_study(study_name=name, storage=storage).trials
        ]
        for name in names
    }


@pytest.mark.slow
def test_a_choice_of_a_mixture_that_the_ledger_lacks_is_named(tmp_path: Path) -> None:
    watched(tmp_path, budget=1)
    ledger = tmp_path / "run" / "trainings.jsonl"
    ledger.write_text(ledger.read_text().splitlines(keepends=True)[0])
    (tmp_path / "run" / "report.json").unlink()
    with pytest.raises(RunDirectoryError, match=r"lacks trainings, although there is assignment\.yaml"):
        watched(tmp_path, budget=1, resume=True)
