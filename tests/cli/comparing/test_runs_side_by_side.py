"""`autoact compare`: runs side by side; values only where they say something of each other."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoact.cli import main

REPORT: dict[str, Any] = {
    "schema": 2,
    "autoact": "0.2.0",
    "task": "t",
    "space": "s",
    "metric": "val_loss",
    "mode": "min",
    "cost": {"search": {"trainings": 20, "steps": 100, "seconds": 60.0}},
    "chosen": {"a": {"activation": "tanh", "parameters": {}}, "b": {"activation": "elu", "parameters": {}}},
    "original": {
        "a": {"activation": "relu", "parameters": {}},
        "b": {"activation": "relu", "parameters": {}},
    },
    "baselines": {"original": {"selection": [], "comparison": [0.5, 0.25]}},
    "confirmation": {"seeds": [1, 2], "selection": [0.1, 0.1], "comparison": [0.25, 0.125]},
    "comparisons": {
        "original": {
            "name": "original",
            "difference": 0.1875,
            "ci95": [0.1, 0.3],
            "p_value": 0.01,
            "detectable": 0.1,
            "pairs": 2,
        }
    },
    "comparison_data": "test loader",
    "verdict": "improved",
}
CONFIGURATION: dict[str, Any] = {
    "autoact": "0.2.0",
    "task": "t",
    "study": "s",
    "space": {"name": "s", "candidates": ["relu", "tanh", "elu"]},
    "search": {"monitor": "val_loss", "budget": 20, "trainer": {"max_epochs": 5}, "seed": 0},
    "source": {"task": "digits"},
    "fingerprint": {"length of the training data": 100, "shape of a.weight": "2x3"},
}


def run(path: Path, report: dict[str, Any], **configuration: Any) -> str:
    path.mkdir()
    (path / "config.yaml").write_text(yaml.safe_dump(CONFIGURATION | configuration) + "...\n")
    (path / "report.json").write_text(json.dumps(REPORT | {"cost": {}} | report))
    (path / "trainings.jsonl").touch()
    return str(path)


@pytest.fixture
def first(tmp_path: Path) -> str:
    return run(tmp_path / "first", {})


def compared(capsys: pytest.CaptureFixture[str], *names: str) -> dict[str, Any]:
    assert main(["compare", *names, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_runs_stand_side_by_side(tmp_path: Path, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = {**REPORT["chosen"], "b": {"activation": "silu", "parameters": {}}}
    search = {**CONFIGURATION["search"], "budget": 40, "trainer": {"max_epochs": 9}}
    second = run(tmp_path / "second", {"chosen": chosen, "verdict": "worse"}, search=search)
    found = compared(capsys, first, second)
    assert found["verdicts"] == ["improved", "worse"]
    assert found["values"][0] == {
        "original": 0.375,
        "chosen": 0.1875,
        "difference": 0.1875,
        "interval": [0.1, 0.3],
        "seeds": 2,
    }
    assert found["chosen"] == {"a": ["tanh", "tanh"], "b": ["elu(alpha=1)", "silu"]}
    assert found["settings"] == {"budget": ["20", "40"], "trainer.max_epochs": ["5", "9"]}
    assert main(["compare", first, second]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith("  b ")] == [["elu(alpha=1)", "silu"]]
    assert any(line.startswith("val_loss, chosen") and "0.1875" in line for line in lines)


@pytest.mark.parametrize(
    ("report", "configuration", "said"),
    [
        ({"metric": "val_acc", "mode": "max"}, {}, "the metrics differ: "),
        ({}, {"fingerprint": {"length of the training data": 99}}, "differ: length of the training data"),
        ({"comparison_data": "half of the validation data"}, {}, "compare on different data"),
    ],
)
def test_values_of_another_metric_or_other_data_are_not_compared(
    tmp_path: Path,
    first: str,
    capsys: pytest.CaptureFixture[str],
    report: dict[str, Any],
    configuration: dict[str, Any],
    said: str,
) -> None:
    second = run(tmp_path / "second", report, **configuration)
    found = compared(capsys, first, second)
    assert found["values"] is None
    assert said in found["not_comparable"]
    assert main(["compare", first, second]) == 0
    printed = capsys.readouterr().out
    assert f"The values are not compared: {found['not_comparable']}." in printed
    assert "0.1875" not in printed


def test_other_layers_are_counted(tmp_path: Path, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    only = {"a": {"activation": "gelu", "parameters": {}}}
    found = compared(capsys, first, run(tmp_path / "second", {"chosen": only, "original": only}))
    assert found["chosen"] == {"a": ["tanh", "gelu"]}
    assert found["other_layers"] == [1, 0]


def test_a_search_that_failed_has_no_values(
    tmp_path: Path, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {key: REPORT[key] for key in ("schema", "autoact", "space", "metric", "mode", "comparison_data")}
    path = Path(run(tmp_path / "second", {}))
    (path / "report.json").write_text(json.dumps({**failed, "failure": "The disk is full."}))
    found = compared(capsys, first, str(path))
    assert found["verdicts"] == ["improved", None]
    assert found["values"][1]["chosen"] is None
    assert main(["compare", first, str(path)]) == 0


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["first"], "compare takes two runs at least"),
        (["first", "mine.py"], "compare takes runs or Python files; mine.py and first are both"),
        (["first", "nowhere"], "nowhere is not a directory"),
    ],
)
def test_what_is_no_run_is_refused(
    tmp_path: Path,
    first: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *names]) == 2
    assert said in capsys.readouterr().err


def test_runs_are_only_read(tmp_path: Path, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(first, tmp_path / "second")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    compared(capsys, first, str(tmp_path / "second"))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
