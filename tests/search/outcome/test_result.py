"""Result of a search: short to read, whole to use, and the same when it is read from its directory."""

import json
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from autoact import Assignment, apply, load_run, run_search
from autoact.cli import main
from autoact.errors import ConfigurationError, RunDirectoryError
from autoact.records import Comparison, Ledger
from autoact.search import SearchResult, TrainingTable
from autoact.search.setup._mode import settle_mode
from tests.search.models import SEARCH, Curve, CurveData
from tests.search.ordinary import LaterLayers

CONFIG = """\
model: {class_path: tests.search.models.Curve, init_args: {lr: 0.02}}
data: {class_path: tests.search.models.CurveData}
trainer: {max_epochs: 1, accelerator: cpu}
space: [relu, tanh]
search: {budget: 2, seeds: 2, selection_seeds: 1}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    out = tmp_path_factory.mktemp("result") / "run"
    return run_search(Curve, CurveData, out=out, **{**SEARCH, "budget": 4, "seeds": 2})


def test_the_model_of_layers_that_setup_makes_says_when_it_has_them() -> None:
    chosen = Assignment({"net.1": "tanh"})
    result = SearchResult(run_dir=None, assignment=chosen, _make_module=LaterLayers)
    with pytest.warns(UserWarning, match="the layers get their activations then, in Trainer.fit"):
        result.model()


def kinds(model: Any) -> list[str]:
    return [type(model.net[place]).__name__ for place in (1, 3)]


@pytest.mark.slow
def test_it_says_the_most_important_in_a_few_lines(result: SearchResult) -> None:
    lines = repr(result).splitlines()
    assert 4 <= len(lines) <= 8
    assert max(map(len, lines)) < 200
    assert f"verdict={result.verdict!r}" in lines[1]
    assert str(result.run_dir) in repr(result)
    assert "95% interval" in repr(result)
    assert "net.1" in result._repr_html_()
    dry = run_search(Curve, CurveData, dry_run=True, **SEARCH)
    assert "verdict=None" in repr(dry)


def test_a_loaded_run_is_the_result(result: SearchResult) -> None:
    assert result.run_dir is not None
    loaded = load_run(str(result.run_dir))
    for name in ("verdict", "assignment", "report", "recommended", "original"):
        assert getattr(loaded, name) == getattr(result, name), name
    # as plain types: NaN is unequal to itself where Python compares field by field
    assert [t.to_line() for t in loaded.trainings] == [t.to_line() for t in result.trainings]
    assert repr(loaded) == repr(result)
    assert loaded.summary() == result.summary()
    assert loaded.plan is None


def test_the_recommendation_is_the_original_unless_the_choice_improved(result: SearchResult) -> None:
    assert result.recommended == (result.assignment if result.verdict == "improved" else result.original)
    assert result.original == Assignment({"net.1": "relu", "net.3": "relu"})


def test_comparisons_are_objects_with_the_numbers_of_the_report(result: SearchResult) -> None:
    assert set(result.comparisons) == {"original", "best_uniform"}
    for name, found in result.comparisons.items():
        assert isinstance(found, Comparison)
        assert found.to_dict() == result.report["comparisons"][name]


def test_trainings_are_a_table(result: SearchResult) -> None:
    table = result.trainings
    assert isinstance(table, TrainingTable)
    assert result.run_dir is not None
    ledger = Ledger(result.run_dir / "trainings.jsonl").trainings
    assert [t.to_line() for t in table] == [t.to_line() for t in ledger]
    rows = table.rows()
    assert len(rows) == len(table)
    trial = next(row for row in rows if row["phase"] == "trial")
    assert trial["state"] == "finished"
    assert {"net.1", "net.3", "selection", "seed", "share", "error"} <= set(trial)
    assert isinstance(table[0].phase, str)
    assert len(table[1:3]) == 2
    shown = repr(table).splitlines()
    assert shown[0].split() == list(TrainingTable._COLUMNS)
    assert len(shown) == min(len(table), 10) + 1 + (len(table) > 10)
    assert table._repr_html_().count("<tr>") == len(table) + 1


def test_without_pandas_a_table_says_what_to_install(
    result: SearchResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigurationError, match=r"pip install pandas\. Without it, `trainings\.rows\(\)`"):
        result.trainings.to_pandas()


def test_the_study_is_the_trials_of_the_ledger(result: SearchResult) -> None:
    values = {t.trial: t.selection for t in result.trainings if t.trial is not None}
    assert isinstance(result.study, optuna.Study)
    assert {trial.number: trial.value for trial in result.study.trials} == values


def test_a_fresh_model_has_the_recommended_activations(result: SearchResult) -> None:
    model = result.model()
    assert isinstance(model, Curve)
    assert kinds(model) == kinds(apply(Curve(), result.recommended))
    assert model.net[0].weight is not result.model().net[0].weight
    assert result.run_dir is not None
    with pytest.raises(ConfigurationError, match=r"does not say how to make its model.*autoact\.apply"):
        load_run(result.run_dir).model()


@pytest.mark.slow
def test_a_run_of_a_configuration_file_makes_its_model_again(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    config, out = str(tmp_path / "config.yaml"), str(tmp_path / "run")
    assert main(["search", "--config", config, "--out", out, "--quiet"]) == 0
    found = load_run(out)
    model = found.model()
    assert (type(model), model.lr) == (Curve, 0.02)
    assert kinds(model) == kinds(apply(Curve(), found.recommended))


@pytest.mark.slow
def test_a_run_of_a_task_makes_its_model_again(tmp_path: Path) -> None:
    from autoact.training.tasks import get_task

    task, out = get_task("digits"), tmp_path / "run"
    run_search(
        task.model,
        task.data,
        task="digits",
        source={"task": "digits"},
        out=out,
        space=["relu", "tanh"],
        budget=1,
        seeds=2,
        selection_seeds=1,
        trainer={"max_epochs": 1, "accelerator": "cpu", "limit_train_batches": 2, "limit_val_batches": 1},
        monitor=task.monitor,
        mode=settle_mode(task.mode, task.monitor),
        quiet=True,
    )
    model = load_run(out).model()
    assert type(model) is type(task.model())
    assert len(list(model.modules())) == len(list(task.model().modules()))
    assert all(torch.isfinite(values).all() for values in model.parameters())


def test_a_dry_run_has_no_trainings_and_says_so() -> None:
    dry = run_search(Curve, CurveData, dry_run=True, **SEARCH)
    with pytest.raises(ConfigurationError, match="A dry run leaves no trainings"):
        _ = dry.trainings
    assert dry.comparisons == {}
    assert dry.recommended == dry.assignment


@pytest.mark.slow
def test_a_damaged_report_is_named_and_a_resume_writes_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    out = tmp_path / "run"
    assert main(["search", "--config", str(tmp_path / "config.yaml"), "--out", str(out), "--quiet"]) == 0
    whole = (out / "report.json").read_text()
    (out / "report.json").write_text(whole[:100])
    assert main(["report", str(out)]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert f"{out / 'report.json'} cannot be read" in said
    assert "Remove it and resume the run, which writes it again." in said
    assert main(["search", "--resume", str(out), "--quiet"]) == 0
    assert f"{out / 'report.json'} was damaged; it is written again." in caplog.text
    assert load_run(out).report["comparisons"] == json.loads(whole)["comparisons"]


@pytest.mark.parametrize(("make", "message"), [(False, "does not exist"), (True, "has no config.yaml")])
def test_what_is_no_run_cannot_be_loaded(tmp_path: Path, make: bool, message: str) -> None:
    if make:
        (tmp_path / "run").mkdir()
    with pytest.raises(RunDirectoryError, match=message):
        load_run(tmp_path / "run")
