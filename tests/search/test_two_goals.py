"""A search for two goals: what its study, its front, its files and its report hold, and how it goes on."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from autoact import Assignment, apply, load_run, load_weights, run_search
from autoact.cli._export_command import _of_assignment
from autoact.errors import ConfigurationError
from autoact.records import Costs, Ledger, Phase, Report
from autoact.search import SearchResult, compare
from autoact.search.setup import FRONT
from tests.search.models import TRAINER, Curve, CurveData
from tests.search.test_interruption import PROBES, comparable, search, trainings

TWO: dict[str, Any] = {
    "space": ["relu", "tanh", "prelu"],
    "budget": 14,
    "seeds": 4,
    "selection_seeds": 2,
    "trainer": TRAINER,
    "quiet": True,
}
# relu, which the model has, is dear here, so that there is a front
DEAR = {
    path: {"relu": 0.0, "prelu": -0.5, "tanh": -1.0 - place} for place, path in enumerate(("net.1", "net.3"))
}


def dear(*_: Any) -> Costs:
    return Costs(goal="latency", unit="ms", original=4.0, differences=DEAR)


@pytest.fixture(scope="module")
def latency(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """A search with costs that are not measured."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("autoact.search.goals._goal.latency_costs", dear)
        out = tmp_path_factory.mktemp("latency") / "run"
        return run_search(Curve, CurveData, out=out, pareto="latency", **TWO)


def report(result: SearchResult) -> Report:
    assert result.run_dir is not None
    return Report.load(result.run_dir / "report.json")


@pytest.mark.slow
def test_every_trial_is_told_its_value_and_its_cost(latency: SearchResult) -> None:
    study, known = latency.study, dear()
    assert [each.name for each in study.directions] == ["MINIMIZE", "MINIMIZE"]
    assert study.metric_names == ["val_loss", "ms"]
    by_trial = {t.trial: t for t in latency.trainings if t.trial is not None}
    assert len(study.trials) == len(by_trial) > 10
    for trial in study.trials:
        training = by_trial[trial.number]
        assert training.assignment is not None
        assert trial.values == [training.selection, known.of(training.assignment)]


@pytest.mark.slow
def test_the_front_is_compared_on_the_seeds_of_the_verdict(latency: SearchResult) -> None:
    found = report(latency)
    front = found.front
    assert front is not None
    assert 2 <= len(front.points) <= FRONT + 1
    assert [p.chosen for p in front.points] == [*[False] * (len(front.points) - 1), True]
    costs = [point.expected for point in front.points]
    assert costs == sorted(costs)
    level = 1 - 0.05 / (2 * len(front.points))  # of values and of latencies
    original = found.baselines["original"].comparison
    for number, point in enumerate(front.points, 1):
        own = [
            t.comparison
            for t in latency.trainings
            if t.phase == "confirmation" and t.assignment == point.layers
        ]
        again = compare(own, original, "min", looks=(4,), level=level)
        assert (point.compared.difference, point.compared.level) == (again.difference, level)
        low, high = point.compared.ci95  # the choice of rows widens it
        assert low <= again.ci95[0] < again.ci95[1] <= high
        assert point.cost is not None
        assert point.cost.interval[0] <= point.cost.difference
        assert point.file == f"front/{number}.yaml"


@pytest.mark.slow
def test_the_verdict_is_that_of_the_best_by_value(latency: SearchResult) -> None:
    found = report(latency)
    assert found.front is not None
    assert found.chosen == found.front.points[-1].layers == latency.assignment
    assert found.comparisons["original"].level == 0.95
    seen = found.comparisons["original"].ci95, found.front.points[-1].compared.ci95
    assert seen[1][0] < seen[0][0] < seen[0][1] < seen[1][1]


@pytest.mark.slow
def test_the_front_is_in_files_that_apply_takes(latency: SearchResult) -> None:
    assert latency.run_dir is not None
    found = report(latency).front
    assert found is not None
    for point in found.points:
        stored = Assignment.load(latency.run_dir / point.file)
        assert stored == point.layers
        apply(Curve(), stored)
    assert len([*(latency.run_dir / "front").iterdir()]) == len(found.points)


@pytest.mark.slow
def test_models_of_the_front_are_kept_as_trained_and_exported_with_their_weights(
    latency: SearchResult,
) -> None:
    run, found = latency.run_dir, report(latency).front
    assert run is not None
    assert found is not None
    for number, point in enumerate(found.points[:-1], 1):
        file = _of_assignment(run, run / point.file)
        assert file == run / "checkpoints" / f"front-{number}.ckpt"
        model = apply(Curve(), point.layers)
        load_weights(model, file)
        first = next(
            t for t in latency.trainings if t.phase == "confirmation" and t.assignment == point.layers
        )
        value = model._loss(next(iter(CurveData().test_dataloader()))).item()
        assert value == pytest.approx(first.comparison, rel=1e-5)
    for chosen in (found.points[-1].file, "assignment.yaml"):
        assert _of_assignment(run, run / chosen) == run / "checkpoints" / "final.ckpt"
    other = run.parent / "other.yaml"
    Assignment({}).save(other)
    assert _of_assignment(run, other) == run / "checkpoints" / "original.ckpt"
    Assignment({"net.1": "gelu"}).save(other)
    with pytest.raises(
        ConfigurationError, match="keeps no weights that were trained with the activations of"
    ):
        _of_assignment(run, other)


@pytest.mark.slow
def test_what_was_announced_is_an_upper_bound(latency: SearchResult) -> None:
    assert latency.plan is not None
    counts, cost = latency.plan.counts, report(latency).cost
    assert counts.confirmation == (3 + FRONT) * TWO["seeds"]
    assert cost["baselines"].trainings <= counts.baselines
    assert cost["confirmation"].trainings <= counts.confirmation
    assert "Second goal: latency, now 4 ms, 1 to 4 with other activations" in latency.plan.describe()


@pytest.mark.slow
def test_page_summary_and_leaderboard_tell_of_the_front(latency: SearchResult) -> None:
    assert latency.run_dir is not None
    page, found = (latency.run_dir / "report.html").read_text(), report(latency).front
    assert found is not None
    assert 'data-figure="front"' in page
    assert "<h2>val_loss and latency</h2>" in page
    assert all(point.file in page and f"/{point.file}" in latency.summary() for point in found.points)
    assert "intervals hold at once with 95%" in latency.summary()
    with (latency.run_dir / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(row["pareto"] == "1" for row in rows) == len(found.points)
    assert all(float(row["cost"]) in {1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0} for row in rows)


@pytest.mark.slow
def test_going_on_finds_another_front(latency: SearchResult, tmp_path: Path) -> None:
    assert latency.run_dir is not None
    subprocess.run(["cp", "-r", latency.run_dir, tmp_path / "run"], check=True)
    more = {**TWO, "budget": 18}
    result = run_search(Curve, CurveData, out=tmp_path / "run", resume=True, pareto="latency", **more)
    again, before = report(result), report(latency)
    assert again.front is not None
    assert before.front is not None
    assert again.front.tried.items() >= before.front.tried.items()  # the same costs, not measured again
    assert (again.questions, again.front.level) == (2, 0.975)
    known = [trial.values for trial in result.study.trials]
    assert known[: len(latency.study.trials)] == [trial.values for trial in latency.study.trials]
    assert load_run(tmp_path / "run").report["front"] == result.report["front"]


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["trial", pytest.param("confirmation", marks=pytest.mark.long)])
def test_kill_9_and_resume(tmp_path: Path, phase: Phase) -> None:
    asked: dict[str, Any] = {"space": ["relu", "tanh", "prelu"], "pareto": "size"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    expected = search(whole, **asked)
    phases = [training.phase for training in Ledger(whole / "run" / "trainings.jsonl").trainings]
    stop_at = str(PROBES + phases.index(phase) + 1)
    where = [str(killed / "log"), str(killed / "run"), stop_at, "1", json.dumps(asked)]
    ended = subprocess.run([sys.executable, "-m", "tests.search.killed_search", *where], check=False)
    assert ended.returncode == -9
    assert 0 < len(trainings(killed / "run")) < len(trainings(whole / "run"))
    result = search(killed, resume=True, **asked)
    assert sorted(map(str, trainings(killed / "run"))) == sorted(map(str, trainings(whole / "run")))
    assert comparable(result.report) == comparable(expected.report)
    assert [t.values for t in result.study.trials] == [t.values for t in expected.study.trials]


@pytest.mark.slow
def test_a_genetic_sampler_and_an_interruption(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "space": ["relu", "tanh", "prelu"],
        "pareto": "size",
        "sampler": optuna.samplers.NSGAIISampler(population_size=3, seed=1),
        "budget": 9,
    }
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    expected = search(whole, **asked)
    with pytest.raises(KeyboardInterrupt):
        search(stopped, 11, "interrupt", **asked)
    result = search(stopped, resume=True, **asked)
    assert [t.params for t in result.study.trials] == [t.params for t in expected.study.trials]
    assert comparable(result.report) == comparable(expected.report)


@pytest.mark.slow
def test_an_interruption_among_the_finalists_leaves_the_front(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoact.search.goals._goal.latency_costs", dear)
    asked: dict[str, Any] = {
        "space": ["relu", "tanh", "prelu"],
        "pareto": "latency",
        "budget": 10,
        "selection_seeds": 2,
    }
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    search(whole, **asked)
    phases = [t.phase for t in Ledger(whole / "run" / "trainings.jsonl").trainings]
    last = len(phases) - phases[::-1].index("baseline")
    with pytest.raises(KeyboardInterrupt):
        search(stopped, PROBES + last - 3, "interrupt", **asked)
    left = len(trainings(stopped / "run"))
    assert phases[left + 1] == "baseline"
    search(stopped, resume=True, **asked)
    assert trainings(stopped / "run") == trainings(whole / "run")


@pytest.mark.slow
def test_another_goal_is_another_run(latency: SearchResult) -> None:
    for other in (None, "size"):
        with pytest.raises(ConfigurationError, match="pareto was 'latency' and is"):
            run_search(Curve, CurveData, out=latency.run_dir, resume=True, pareto=other, **TWO)


@pytest.mark.slow
@pytest.mark.long
def test_workers_train_for_two_goals(tmp_path: Path) -> None:
    result = run_search(
        Curve, CurveData, out=tmp_path / "run", pareto="size", workers=2, **{**TWO, "budget": 5}
    )
    assert report(result).front is not None
    assert all(len(trial.values) == 2 for trial in result.study.trials)
