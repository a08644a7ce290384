"""`autoact invent` says in one line what it cannot do."""

import json
from pathlib import Path

import pytest

import autoact
from autoact.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--name", "mine"], "There is no run directory or configuration 'nowhere'"),
        (["nowhere"], "the following arguments are required: --name"),
        (["nowhere", "--name", "mine", "--seeds", "0"], "--seeds is 0; give at least 1"),
        (["nowhere", "--name", "mine", "--by", "luck"], "--by is 'luck'; say shape or evolution"),
        (["nowhere", "--name", "mine", "--budget", "64"], "--budget says nothing to --by shape"),
        (
            ["nowhere", "--name", "mine", "--by", "evolution", "--member", "rational"],
            "--member says nothing to --by evolution",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["invent", *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


CONFIGURATION = """\
model: {class_path: tests.search.models.Curve}
data: {class_path: tests.search.models.CurveData}
trainer: {max_epochs: 2, accelerator: cpu}
space: {candidates: [relu, tanh]}
search: {monitor: val_loss, budget: 2, seeds: 2, selection_seeds: 1}
"""


@pytest.mark.slow
def test_a_configuration_and_a_run_give_an_activation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIGURATION)
    brief = ["--member", "linear_spline_5", "--seeds", "1"]
    assert main(["invent", "config.yaml", "--name", "of_a_configuration", *brief, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "of_a_configuration"
    assert Path(found["file"]).read_text().count("def of_a_configuration(x") == 1
    assert found["formula"] in [row["formula"] for row in found["front"]]
    assert main(["search", "--config", "config.yaml", "--out", "run", "--quiet"]) == 0
    assert main(["invent", "run", "--name", "of_a_run", "--out", "other.py", *brief]) == 0
    assert "Written to other.py" in capsys.readouterr().out
    assert autoact.get("of_a_run").family == "invented"


@pytest.mark.slow
def test_a_configuration_gives_an_activation_that_was_bred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIGURATION)
    way = ["--by", "evolution", "--budget", "32", "--seed", "1"]
    assert main(["invent", "config.yaml", "--name", "bred_of_a_configuration", *way, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["file"]).read_text().count("def bred_of_a_configuration(x, beta") == 1
    assert len(found["values"]) == 16
