"""`search.parameters` in a configuration file: from the command line to the report."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from autoact.cli import main
from autoact.errors import ConfigurationError
from autoact.records import RunDirectory
from autoact.spaces import Assignment

CONFIG = """\
model: {class_path: tests.search.planted.Planted}
data: {class_path: tests.search.models.CurveData}
trainer: {max_epochs: 1, limit_train_batches: 1, accelerator: cpu}
space: [relu, tanh]
search:
  monitor: val_loss
  budget: 6
  seeds: 2
  selection_seeds: 1
  parameters:
    model.lr: {log: [1e-4, 1e-1]}
"""


def configured(folder: Path, old: str = "", new: str = "") -> str:
    file = folder / "config.yaml"
    assert old in CONFIG
    file.write_text(CONFIG.replace(old, new) if old else CONFIG)
    return str(file)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parameters")
    out = folder / "run"
    assert main(["search", "--config", configured(folder), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.mark.slow
def test_a_file_searches_its_parameters(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads((run / "report.json").read_text())["hyperparameters"]
    assert found["searched"] == {"model.lr": {"log": [1e-4, 1e-1]}}
    assert main(["search", "--resume", str(run), "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "Hyperparameters\n  model.lr  0.01 → " in shown
    assert "Tuned alike, with 8 trainings for each baseline: model.lr " in shown
    assert "  tuning " in shown


@pytest.mark.slow
def test_page_and_leaderboard_tell_rates(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "with the chosen activations; was 0.01" in page
    assert "Tuned alike, with 8 trainings" in page
    with (run / "leaderboard.csv").open() as file:
        rows = [row["assignment"] for row in csv.DictReader(file)]
    assert all(" model.lr=" in row for row in rows)
    assert len(set(rows)) == len(rows)


def test_a_choice_is_written_to_the_last_digit(tmp_path: Path, run: Path) -> None:
    directory = RunDirectory.create(tmp_path / "run", {})
    assignment = Assignment.load(RunDirectory(run).assignment_file)
    for rate in (1e-5, 0.1 + 0.2):
        directory.write_choice(assignment, {"model.lr": rate, "model.kind": "adam", "model.fast": True})
        written = yaml.safe_load(directory.hyperparameters_file.read_text())
        assert written == {"model.lr": rate, "model.kind": "adam", "model.fast": True}
        assert Assignment.load(directory.assignment_file) == assignment


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{log: [1e-4, 1e-1]}", "{log: [1, 1e-1]}", "line 11, search.parameters.model.lr: model.lr: log is"),
        ("{log: [1e-4, 1e-1]}", "0.1", "line 11, search.parameters.model.lr: model.lr is 0.1; it must"),
        ("{log: ", "{logg: ", "Did you mean 'log'?"),
        ("model.lr", "model.rl", "line 11, search.parameters.model.rl: the model takes no argument 'rl'"),
        ("model.lr", "lr", "line 11, search.parameters.lr: lr is no argument of the model"),
        ("\n    model.lr: {log: [1e-4, 1e-1]}", " 3", "line 10, search.parameters: parameters is 3; it must"),
    ],
)
def test_complaints_name_file_line_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    file = configured(tmp_path, old, new)
    assert main(["search", "--config", file, "--dry-run"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"autoact: {file}, line 1")
    assert message in shown


def test_a_parameter_that_changes_the_layers_is_refused() -> None:
    from autoact import run_search
    from tests.search.models import CurveData
    from tests.search.planted import Planted

    settings = {"space": ["relu", "tanh"], "trainer": {"max_epochs": 1, "accelerator": "cpu"}, "quiet": True}
    parameters = {"model.hidden": {"int": [1, 2]}}
    with pytest.raises(ConfigurationError, match=r"with model\.hidden 2 the model has other activations"):
        run_search(Planted, CurveData, dry_run=True, parameters=parameters, **settings)  # type: ignore[arg-type]
