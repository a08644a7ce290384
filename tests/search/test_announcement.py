"""What a search tells before and while it runs is true, and quiet is silent."""

import io
import logging
import math
import re
import warnings
from pathlib import Path

import pytest
from rich.console import Console

from autoact import run_search
from autoact.search.ledger import Entry
from autoact.search.progress import SearchProgress
from autoact.search.settings import Settings
from tests.search.models import SEARCH, STEPS, TRAINER, Curve, CurveData

LOUD = {**SEARCH, "quiet": False}


def entry(selection: float, phase: str = "trial", **changes: object) -> Entry:
    values: dict = {
        "phase": phase,
        "label": "trial 1",
        "key": "k",
        "assignment": {"net.1": {"activation": "elu", "parameters": {"alpha": 0.7}}},
        "seed": 1,
        "steps": 1,
        "seconds": 2.0,
        "selection": selection,
    }
    return Entry(**(values | changes))


def progress(terminal: bool = False, quiet: bool = False) -> tuple[SearchProgress, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, highlight=False)
    return SearchProgress(Settings(monitor="val_loss"), 10, quiet=quiet, console=console), stream


def test_a_dry_run_tells_layers_candidates_and_cost_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_search(Curve, CurveData, dry_run=True, **LOUD)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert re.search(r"net\.1 +relu +from relu, tanh, elu", shown.out)
    for count, what in ((6, "search"), (4, "baselines"), (9, "confirmation"), (19, "in all")):
        assert re.search(rf"^ +{count}  {what}", shown.out, re.MULTILINE), shown.out
    assert f"{STEPS} steps each" in shown.out
    assert "test loader" in shown.out
    assert (result.run_dir, result.verdict, result.summary()) == (None, None, result.plan.describe())
    assert list(tmp_path.iterdir()) == []


def test_the_announced_time_is_of_the_right_order() -> None:
    trainer = {**TRAINER, "max_epochs": 40}
    plan = run_search(Curve, CurveData, dry_run=True, **{**SEARCH, "trainer": trainer}).plan
    assert plan.planned_steps == 20 * STEPS
    assert 0.02 < plan.seconds < 20


def test_a_run_prints_one_line_per_training_and_nothing_of_the_libraries(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    levels = {name: logging.getLogger(name).level for name in ("lightning.pytorch", "optuna")}
    filters = list(warnings.filters)
    result = run_search(Curve, CurveData, out=tmp_path / "run", **LOUD)
    shown = capfd.readouterr()
    assert shown.err == ""
    announced, lines = shown.out.split("\n 1/")
    assert announced.count("\n") < 14
    trainings = ("1/" + lines).strip().splitlines()
    assert len(trainings) == sum(part["trainings"] for part in result.report["cost"].values())
    assert all(re.match(r" ?\d+/\d+ .* val_loss \d", line) for line in trainings)
    assert {name: logging.getLogger(name).level for name in levels} == levels
    assert warnings.filters == filters


def test_quiet_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_search(Curve, CurveData, out=tmp_path / "run", **SEARCH)
    assert capfd.readouterr() == ("", "")


def test_a_line_shows_value_time_and_choice() -> None:
    shown, stream = progress()
    with shown:
        shown.finished(entry(0.25))
        shown.finished(entry(math.nan, state="diverged"))
        shown.finished(entry(math.nan, state="failed", error="RuntimeError: [no] memory"))
    first, second, third = stream.getvalue().splitlines()
    assert re.match(r" 1/10 trial 1 +val_loss 0\.25 +2 s +elu\(0\.7\)$", first)
    assert "diverged" in second
    assert "RuntimeError: [no] memory" in third


def test_a_terminal_gets_one_bar_with_best_value_and_time_left() -> None:
    shown, stream = progress(terminal=True)
    with shown:
        shown.resumed(entry(0.125))
        for value in (0.5, 0.25):
            shown.finished(entry(value))
        shown.finished(entry(0.01, phase="confirmation"))
        shown._bar.refresh()
    text = stream.getvalue()
    assert "best val_loss 0.125" in text
    assert "best val_loss 0.01" not in text
    assert re.search(r"4/10", text)
    assert re.search(r"\d s left", text)


def test_no_terminal_no_bar_and_quiet_no_lines() -> None:
    shown, stream = progress()
    with shown:
        shown.finished(entry(0.5))
    assert "━" not in stream.getvalue()
    silent, stream = progress(quiet=True, terminal=True)
    with silent:
        silent.finished(entry(0.5))
    assert stream.getvalue() == ""
