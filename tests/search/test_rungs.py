"""Short trainings first: what is paused and goes on costs what it says, and survives a killed process."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from autoact.search.clock import Clock
from autoact.search.ledger import Entry, Ledger
from autoact.search.rungs import Rungs

from autoact import run_search
from autoact.search import SearchResult, guided
from tests.search import scripted
from tests.search.models import BATCH, ROWS, SEARCH, TRAINER, CurveData, Watched

EPOCHS = 28
STEPS = EPOCHS * ROWS // BATCH
PROBES = 3
LONG: dict[str, Any] = {
    **SEARCH,
    "budget": 4,
    "seeds": 2,
    "rungs": True,
    "trainer": {"max_epochs": EPOCHS, "accelerator": "cpu"},
}


@pytest.fixture(autouse=True, scope="module")
def a_known_policy() -> Iterator[None]:
    """Put a plan in place of the policy: it has continued trainings, whatever the policy thinks of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guided, "next_steps", scripted.next_steps)
        yield


def search(folder: Path, stop_at: int = 0, how: str = "kill", **changes: Any) -> SearchResult:
    log = folder / "log"
    data = CurveData(str(log), str(folder / "run" / "assignment.yaml"))
    return run_search(
        partial(Watched, str(log), stop_at, how), data, out=folder / "run", **{**LONG, **changes}
    )


def entries(folder: Path) -> list[Entry]:
    return Ledger(folder / "run" / "trainings.jsonl").entries


def values(folder: Path) -> list[tuple[Any, ...]]:
    return [(e.phase, e.key, e.seed, e.start, e.stop, e.steps, e.selection) for e in entries(folder)[1:]]


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'run' / 'study.db'}").trials


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, Path]:
    folder = tmp_path_factory.mktemp("rungs")
    return search(folder), folder


def test_the_budget_is_spent_in_shares(undisturbed: tuple[SearchResult, Path]) -> None:
    result, folder = undisturbed
    tried = [entry for entry in entries(folder) if entry.phase == "trial"]
    assert {entry.stop for entry in tried} <= {0.25, 0.5, 1.0}
    assert any(entry.start > 0 for entry in tried)
    assert all(entry.steps == round((entry.stop - entry.start) * STEPS) for entry in tried)
    assert result.report["cost"]["search"]["trainings"] == 1 + scripted.COST
    assert sum(e.share for e in tried) == scripted.COST
    done = (folder / "log").read_text().splitlines().count("step")
    assert done == sum(part["steps"] for part in result.report["cost"].values())
    assert result.report["rungs"]["fractions"] == [0.25, 0.5, 1.0]
    assert result.report["rungs"]["reached"] == {"0.25": 1, "0.5": 0, "1": 2}
    assert not (folder / "run" / "states").exists()


def test_the_study_has_one_trial_per_training_with_its_values(
    undisturbed: tuple[SearchResult, Path],
) -> None:
    _, folder = undisturbed
    told = {trial.number: trial for trial in trials(folder)}
    tried = [entry for entry in entries(folder) if entry.phase == "trial"]
    assert set(told) == {entry.trial for entry in tried}
    for entry in tried:
        assert entry.trial is not None
        assert told[entry.trial].intermediate_values[round(entry.stop * STEPS)] == entry.selection
    last = {entry.trial: entry.stop for entry in tried}
    for number, trial in told.items():
        assert trial.state.name == ("COMPLETE" if last[number] == 1 else "PRUNED")
    written = {path.name for path in (folder / "run" / "tensorboard").iterdir()}
    assert written == {"prior", *(f"trial-{number:04d}" for number in told)}


def test_the_report_tells_beliefs_and_the_front(undisturbed: tuple[SearchResult, Path]) -> None:
    result, folder = undisturbed
    report = result.report
    chosen = next(p for p in report["pareto"] if p["layers"] == report["chosen"])
    assert chosen["mean"] == pytest.approx(report["recommendation"]["mean"])
    assert sum(point["front"] for point in report["pareto"]) >= 1
    assert set(report["prior"]["layers"]) == {"net.1", "net.3"}
    assert set(report["prior"]["discretization"]) == {"mixture", "derived"}
    rows = (folder / "run" / "leaderboard.csv").read_text().splitlines()
    assert rows[0].endswith("short,believed,believed_sd,latency_ms,pareto")
    assert "trainings' worth: 1 mixture" in result.summary()


def at_continuation(folder: Path) -> int:
    """Return the number of the first training that goes on with another, as the watched model counts."""
    return PROBES + next(place for place, entry in enumerate(entries(folder)) if entry.start > 0)


def kill(folder: Path, stop_at: int) -> None:
    command = [sys.executable, "-m", "tests.search.killed_search", folder / "log", folder / "run"]
    killed = subprocess.run(
        [*map(str, command), str(stop_at), "1", "rungs"], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -9, killed.stderr


def interrupt(folder: Path, stop_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(folder, stop_at, "interrupt")
    assert {trial.state.name for trial in trials(folder)} <= {"COMPLETE", "PRUNED", "FAIL"}


@pytest.mark.parametrize("end", [kill, interrupt])
def test_a_search_that_ends_while_a_training_goes_on_is_resumed(
    undisturbed: tuple[SearchResult, Path], tmp_path: Path, end: Callable[[Path, int], None]
) -> None:
    end(tmp_path, at_continuation(undisturbed[1]))
    assert list((tmp_path / "run" / "states").glob("*.ckpt"))
    done = values(tmp_path)
    result = search(tmp_path, resume=True)
    assert values(tmp_path) == values(undisturbed[1])
    assert values(tmp_path)[: len(done)] == done
    assert result.report["chosen"] == undisturbed[0].report["chosen"]
    assert result.report["comparisons"] == undisturbed[0].report["comparisons"]
    assert {trial.state.name for trial in trials(tmp_path)} <= {"COMPLETE", "PRUNED"}
    assert any("continues" in trial.user_attrs for trial in trials(tmp_path))


@pytest.mark.slow
def test_without_a_state_the_same_training_begins_anew(
    undisturbed: tuple[SearchResult, Path], tmp_path: Path
) -> None:
    interrupt(tmp_path, at_continuation(undisturbed[1]))
    for state in (tmp_path / "run" / "states").glob("*.ckpt"):
        state.unlink()
    search(tmp_path, resume=True)
    assert [row[-1] for row in values(tmp_path)] == [row[-1] for row in values(undisturbed[1])]


@pytest.mark.parametrize(
    ("epochs", "steps", "every", "fractions"),
    [
        (12, 1200, 1, (1 / 12, 1 / 4, 1 / 2, 1.0)),
        (20, 340, 1, (0.1, 0.25, 0.5, 1.0)),
        (12, 1200, 6, (0.5, 1.0)),
        (2, 6, 1, (1.0,)),
        (4, 48, 1, (0.5, 1.0)),
        (0, 500, 1, (1.0,)),
        (5, float("inf"), 1, (1.0,)),
        (7, 7000, 1, (1 / 7, 2 / 7, 4 / 7, 1.0)),
    ],
)
def test_rungs_are_validated_epochs_of_some_length(
    epochs: int, steps: float, every: int, fractions: tuple[float, ...]
) -> None:
    assert Rungs.of(epochs, steps, every).fractions == pytest.approx(fractions)


def test_the_time_of_a_search_ends_it_with_a_choice(tmp_path: Path) -> None:
    result = search(tmp_path, hours=1e-9, trainer=TRAINER)
    assert result.report["cost"]["search"]["trainings"] == 1
    assert result.verdict is not None
    assert Clock(1e-9, before=1.0).over()
    assert not Clock(1.0, before=3500.0).over()
