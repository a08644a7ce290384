"""What a search tells before and while it runs is true, and quiet is silent."""

import io
import logging
import math
import re
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from autoact import run_search
from autoact.records import Stack, Training
from autoact.search.phases._probe import _seconds, _setup
from autoact.search.setup import Settings
from autoact.search.trainings import SearchProgress
from autoact.spaces import Assignment, Choice
from autoact.training.fit import Clock
from tests.search.models import SEARCH, STEPS, TRAINER, Curve, CurveData

LOUD = {**SEARCH, "quiet": False}


def done(selection: float, phase: str = "trial", **changes: object) -> Training:
    values: dict = {
        "phase": phase,
        "label": "trial 1",
        "assignment": Assignment({"net.1": Choice("elu", {"alpha": 0.7})}),
        "state": "finished",
        "seed": 1,
        "steps": 1,
        "seconds": 2.0,
        "selection": selection,
    }
    return Training(**(values | changes))


def progress(terminal: bool = False, quiet: bool = False) -> tuple[SearchProgress, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, highlight=False)
    return SearchProgress(Settings(monitor="val_loss"), 10, quiet=quiet, console=console), stream


@pytest.mark.slow
def test_a_dry_run_tells_layers_candidates_and_cost_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_search(Curve, CurveData, dry_run=True, **LOUD)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert re.search(r"net\.1 +relu +from relu, tanh, elu", shown.out)
    for count, what in ((6, "search"), (5, "baselines"), (9, "confirmation"), (20, "in all")):
        assert re.search(rf"^ +{count}  {what}", shown.out, re.MULTILINE), shown.out
    assert f"{STEPS} steps each" in shown.out
    assert "test loader" in shown.out
    assert result.plan is not None
    assert (result.run_dir, result.verdict, result.summary()) == (None, None, result.plan.describe())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_announced_time_is_of_the_right_order() -> None:
    trainer = {**TRAINER, "max_epochs": 40}
    plan = run_search(Curve, CurveData, dry_run=True, **{**SEARCH, "trainer": trainer}).plan
    assert plan is not None
    assert plan.planned_steps == 20 * STEPS
    assert 0.02 < plan.seconds < 20


@pytest.mark.slow
def test_the_announced_time_is_that_of_trainings_side_by_side_and_of_decisions_one_by_one() -> None:
    plan = run_search(Curve, CurveData, dry_run=True, **{**SEARCH, "workers": 2}).plan
    assert plan is not None
    assert plan.deciding > 0  # measured
    known = replace(plan, seconds=100.0, deciding=10.0, stack=Stack())
    assert known.whole == 100.0 * 20 / 2 + 10.0
    assert f"{STEPS} steps each, together about 16 min 50 s here" in known.describe()


def test_trainings_that_no_stack_takes_count_for_as_long_as_they_take(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = run_search(
        objective=lambda assignment, seed, fraction: 1.0,
        layers=["a"],
        mode="min",
        space=["relu", "tanh"],
        budget=14,
        dry_run=True,
    )
    assert capsys.readouterr().out.startswith("<lambda>: tried briefly, to see that it trains")
    plan = result.plan
    assert plan is not None
    total, known = plan.counts.total, replace(plan, seconds=10.0, deciding=0.0)
    assert known.whole == 10.0 * total
    rounds = replace(known, stack=Stack(size=32, round=8, speed=4.0))
    assert rounds.whole == 10.0 * total
    alone = replace(known, stack=Stack(size=32, round=1, speed=4.0))
    assert alone.whole == 10.0 * (total - 4) + 40.0 * 4  # trials after the first 10
    assert "4.0 times as fast as one by one; after the first 10, trials come one by one" in alone.describe()


class TimedTraining:
    """A training whose steps and validations take as long as they are told to, seen by a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.now = Clock(), 0.0
        self.trainer = cast(Any, SimpleNamespace(global_step=0, sanity_checking=False, lightning_module=None))
        self.module = cast(Any, None)
        monkeypatch.setattr(
            "autoact.training.fit._probe_callbacks.time", SimpleNamespace(perf_counter=lambda: self.now)
        )
        self.clock.on_train_start(self.trainer, self.module)

    def step(self, seconds: float) -> None:
        self.now += seconds
        self.trainer.global_step += 1
        self.clock.on_train_batch_end(self.trainer, self.module, None, None, 0)

    def validate(self, seconds: float) -> None:
        self.clock.on_validation_start(self.trainer, self.module)
        self.now += seconds
        self.clock.on_validation_end(self.trainer, self.module)


def test_neither_warming_up_nor_a_busy_moment_stretches_the_announced_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Clock().seconds_per_step is None
    training = TimedTraining(monkeypatch)
    training.step(30.0)
    assert training.clock.seconds_per_step == 30.0  # better than none
    for seconds in (1.0, 1.0, 90.0, 1.0):
        training.step(seconds)
    for seconds in (5.0, 60.0):
        training.validate(seconds)
    assert (training.clock.seconds_per_step, training.clock.seconds_per_validation) == (1.0, 5.0)
    probed: Any = [SimpleNamespace(seconds=50.0, steps=1), SimpleNamespace(seconds=20.0, steps=6)]
    setup = _setup(training.clock, probed)
    assert setup == 14.0  # with one validation
    assert _seconds(training.clock, setup, 100, {"max_epochs": 10}) == 14.0 + 100 * 1.0 + 9 * 5.0
    assert math.isnan(_seconds(training.clock, setup, math.inf, {}))


def test_a_validation_is_no_part_of_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    training = TimedTraining(monkeypatch)
    for _ in range(3):
        training.step(1.0)
        training.validate(7.0)
    assert training.clock.seconds_per_step == 1.0


@pytest.fixture(scope="module", autouse=True)
def brief() -> None:
    """Searches are whole here, figures and latencies included."""


@pytest.mark.slow
def test_a_run_prints_one_line_per_training_and_nothing_of_the_libraries(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    levels = {name: logging.getLogger(name).level for name in ("lightning.pytorch", "optuna")}
    filters = list(warnings.filters)
    result = run_search(Curve, CurveData, out=tmp_path / "run", **LOUD)
    shown = capfd.readouterr()
    assert shown.err == ""
    announced, lines = shown.out.split("\n 1/")
    assert announced.count("\n") <= 14
    assert f"\nRun directory: {tmp_path / 'run'}" in announced
    trainings = ("1/" + lines).strip().splitlines()
    assert len(trainings) == sum(part["trainings"] for part in result.report["cost"].values())
    assert all(re.match(r" ?\d+/\d+ .* val_loss \d", line) for line in trainings)
    assert {name: logging.getLogger(name).level for name in levels} == levels
    assert warnings.filters == filters


@pytest.mark.slow
def test_quiet_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_search(Curve, CurveData, out=tmp_path / "run", **SEARCH)
    assert capfd.readouterr() == ("", "")


def test_a_line_shows_value_time_and_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("autoact.search.trainings._progress.time.monotonic", lambda: now[0])
    shown, stream = progress()
    now[0] += 3.0
    with shown:
        shown.finished(done(0.25))
        shown.finished(done(math.nan, state="diverged"))
        shown.finished(done(math.nan, state="failed", error="RuntimeError: [no] memory"))
    first, second, third = stream.getvalue().splitlines()
    assert re.match(r" 1/10 trial 1 +val_loss 0\.25 +2 s +27 s left  elu\(alpha=0\.7\)$", first)
    assert "diverged" in second
    assert "RuntimeError: [no] memory" in third


def test_lines_stay_aligned_where_trainings_count_in_part_and_fewer_turn_out_to_be_needed() -> None:
    shown, stream = progress()
    with shown:
        shown.finished(done(0.25, share=8.5))
        shown.finished(done(0.25))
        shown.finished(done(0.25))
        shown.shrink(9)
        shown.finished(done(0.25))
    assert [line.split(" trial 1")[0] for line in stream.getvalue().splitlines()] == [
        " 8.5/10",
        " 9.5/10",
        "10.5/10",
        " 11.5/9",
    ]


def test_a_terminal_gets_one_bar_with_best_value_and_time_left() -> None:
    shown, stream = progress(terminal=True)
    with shown:
        shown.count(done(0.125))
        for value in (0.5, 0.25):
            shown.finished(done(value))
        shown.finished(done(0.01, phase="confirmation"))
        shown._bar.refresh()
    text = stream.getvalue()
    assert "best val_loss 0.125" in text
    assert "best val_loss 0.01" not in text
    assert re.search(r"4/10", text)
    assert re.search(r"\d s left", text)


def test_the_bar_moves_within_a_training_and_waits_for_one_that_takes_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("autoact.search.trainings._progress.time.monotonic", lambda: now[0])
    shown = SearchProgress(Settings(monitor="val_loss"), 10, quiet=True, estimate=8.0)
    seen = []
    for now[0] in (100.0, 104.0, 108.0, 150.0):
        shown._move()
        seen.append((round(shown._bar.tasks[0].completed, 3), shown.left))
    assert seen == [(0.0, 80.0), (0.475, 76.0), (0.95, 72.0), (0.95, 72.0)]
    shown.finished(done(0.5))
    assert shown.left == 9 * 50.0, "a training takes as long as those that have ended"
    now[0] = 175.0
    shown._move()
    assert (round(shown._bar.tasks[0].completed, 3), shown.left) == (1.475, 9 * 50.0 - 25.0)


def test_no_terminal_no_bar_and_quiet_no_lines() -> None:
    shown, stream = progress()
    with shown:
        shown.finished(done(0.5))
    assert "━" not in stream.getvalue()
    silent, stream = progress(quiet=True, terminal=True)
    with silent:
        silent.finished(done(0.5))
    assert stream.getvalue() == ""


def test_no_more_time_is_left_than_the_run_has(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("autoact.search.trainings._progress.time.monotonic", lambda: now[0])
    hurried = SearchProgress(Settings(monitor="val_loss", hours=0.01), 10, quiet=True, estimate=60.0)
    easy = SearchProgress(Settings(monitor="val_loss", hours=1.0), 10, quiet=True, estimate=6.0)
    now[0] = 103.0
    assert (hurried.left, easy.left) == (33.0, 57.0)
