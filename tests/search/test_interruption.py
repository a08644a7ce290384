"""A search that is killed or interrupted goes on where it was, repeats nothing, ends as if undisturbed."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest

from autoact import run_search
from autoact.errors import RunDirectoryError
from autoact.records import Ledger
from tests.search.models import SEARCH, CurveData, Watched

RACED = 3  # baselines on the first seed of the search; with one seed of the selection none on a second
PROBES = 5  # three short trainings of the original, one of the mixture and one of an alternative


def search(folder: Path, stop_at: int = 0, how: str = "kill", **changes: Any) -> Any:
    out, log = folder / "run", folder / "log"
    data = CurveData(str(log), str(out / "assignment.yaml"))
    model = partial(Watched, str(log), stop_at, how)
    return run_search(model, data, out=out, **{**SEARCH, **changes})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    search(folder)
    return folder / "run"


def trainings(run: Path) -> list[tuple[Any, ...]]:
    return [
        (t.phase, t.key, t.seed, t.selection, t.comparison)
        for t in Ledger(run / "trainings.jsonl").trainings[1:]
    ]


def comparable(report: dict[str, Any]) -> dict[str, Any]:
    cost = {
        part: {name: spent[name] for name in ("trainings", "steps")} for part, spent in report["cost"].items()
    }
    return {**report, "cost": cost, "latency": None, "pareto": None, "checksum": None}


def first(run: Path, phase: Any) -> int:
    """Return the number of the second training of a phase, counted as the watched model counts."""
    phases = [training.phase for training in Ledger(run / "trainings.jsonl").trainings]
    return PROBES + phases.index(phase) + (1 if phase == "one-shot" else 2) - 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "phase",
    ["trial", *(pytest.param(p, marks=pytest.mark.long) for p in ("one-shot", "baseline", "confirmation"))],
)
def test_kill_9_in_any_phase_and_resume(undisturbed: Path, tmp_path: Path, phase: str) -> None:
    stop_at = first(undisturbed, phase)
    killed = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.search.killed_search",
            tmp_path / "log",
            tmp_path / "run",
            str(stop_at),
            "1",
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -9, killed.stderr
    run = tmp_path / "run"
    done = trainings(run)
    assert len(done) == stop_at - PROBES - 1
    with (run / "trainings.jsonl").open("a") as file:
        file.write('{"phase": "trial", "label": "torn')

    result = search(tmp_path, resume=True)
    assert trainings(run)[: len(done)] == done
    assert sorted(map(str, trainings(run))) == sorted(map(str, trainings(undisturbed)))
    begun = (tmp_path / "log").read_text().count("fit\n")
    assert begun == len(trainings(run)) + PROBES + 1
    assert comparable(result.report) == comparable(_report(undisturbed))
    # what was killed was never a trial
    assert _states(run) == Counter({"COMPLETE": SEARCH["budget"] - 1 + RACED})
    readings = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("test")]
    assert set(readings) == {"test True"}


@pytest.mark.slow
@pytest.mark.parametrize("larger", [{"seeds": 5}, pytest.param({"budget": 8}, marks=pytest.mark.long)])
def test_kill_9_of_an_extended_run_and_the_same_command_again(
    undisturbed: Path, tmp_path: Path, larger: dict[str, Any]
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        shutil.copytree(undisturbed.parent, folder)
    expected = search(whole, resume=True, **larger)
    before = (killed / "log").read_text().count("fit\n")
    where = [str(killed / "log"), str(killed / "run"), str(before + 2), "1", json.dumps(larger)]
    ended = subprocess.run([sys.executable, "-m", "tests.search.killed_search", *where], check=False)
    assert ended.returncode == -9
    assert len(trainings(killed / "run")) == len(trainings(undisturbed)) + 1
    result = search(killed, resume=True, **larger)
    assert trainings(killed / "run") == trainings(whole / "run")
    assert comparable(result.report) == comparable(expected.report)
    assert (killed / "log").read_text().count("fit\n") == (whole / "log").read_text().count("fit\n") + 1
    spent = sum(t.share for t in Ledger(killed / "run" / "trainings.jsonl").of("one-shot", "trial"))
    assert larger.get("budget", SEARCH["budget"]) - 1 < spent <= larger.get("budget", SEARCH["budget"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "error"),
    [("interrupt", KeyboardInterrupt), pytest.param("terminate", SystemExit, marks=pytest.mark.slow)],
)
def test_an_interrupted_trial_is_not_left_running(
    undisturbed: Path, tmp_path: Path, how: str, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        search(tmp_path, first(undisturbed, "trial"), how)
    assert _states(tmp_path / "run") == Counter({"COMPLETE": 1})
    result = search(tmp_path, resume=True)
    assert comparable(result.report) == comparable(_report(undisturbed))
    assert _states(tmp_path / "run").keys() == {"COMPLETE"}


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_damaged_study_does_not_stop_a_resume(undisturbed: Path, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, first(undisturbed, "trial") + 1, "interrupt")
    done = trainings(tmp_path / "run")
    (tmp_path / "run" / "study.db").write_bytes(content)
    result = search(tmp_path, resume=True)
    assert comparable(result.report) == comparable(_report(undisturbed))
    assert trainings(tmp_path / "run")[: len(done)] == done
    assert _study(tmp_path / "run") == _study(undisturbed)


CHOICE = ("assignment.yaml", "hyperparameters.yaml")
MISLED: dict[str, Any] = {
    "space": ["relu", "tanh"],
    "budget": 2,
    "parameters": {"model.lr": {"log": [1e-3, 0.1]}},
}


def replaced(search: Any, study: Any, chosen: Any, models: Any) -> Any:
    """Return a baseline that is not the choice, as if it were believed to be better."""
    return next(model for model in models.values() if model.assignment != chosen.assignment)


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
def test_a_baseline_that_took_the_place_of_the_choice_is_not_taken_for_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    monkeypatch.setattr("autoact.search._carrying_out.select", replaced)
    (tmp_path / "whole").mkdir()
    whole = search(tmp_path / "whole", **MISLED)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("autoact.search._carrying_out.confirm", interrupt)
        search(tmp_path, **MISLED)
    if torn:
        (tmp_path / "run" / "assignment.yaml").write_text("version: 1")
        (tmp_path / "run" / "hyperparameters.yaml").write_text("model.lr: 0.5")
    result = search(tmp_path, resume=True, **MISLED)
    assert trainings(tmp_path / "run") == trainings(tmp_path / "whole" / "run")
    assert comparable(result.report) == comparable(whole.report)
    for name in CHOICE:
        assert (tmp_path / "run" / name).read_text() == (tmp_path / "whole" / "run" / name).read_text()


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_choice_without_the_trainings_that_it_came_from_is_named(tmp_path: Path) -> None:
    search(tmp_path, budget=1)
    (tmp_path / "run" / "trainings.jsonl").unlink()
    with pytest.raises(RunDirectoryError, match=r"trainings\.jsonl is missing, although"):
        search(tmp_path, resume=True, budget=1)


def _study(run: Path) -> list[tuple[Any, ...]]:
    found = optuna.load_study(study_name=None, storage=f"sqlite:///{run / 'study.db'}").trials
    return [(t.number, t.state, t.value, t.params, t.intermediate_values) for t in found]


def _states(run: Path) -> Counter[str]:
    if not (run / "study.db").exists():
        return Counter()
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{run / 'study.db'}")
    return Counter(trial.state.name for trial in study.trials)


def _report(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "report.json").read_text()))
