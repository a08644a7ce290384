"""`autoact search --data`: a table never seen gives a verdict with one command, or one line of refusal."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoact.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, rows: Sequence[str], encoding: str = "utf-8") -> None:
    (folder / "train.csv").write_text("\n".join(rows) + "\n", encoding=encoding)


def plain(count: int = 40) -> list[str]:
    return ["a,b,y", *(f"{i % 7},{'uvw'[i % 3]},{'yes' if i % 7 > 3 else 'no'}" for i in range(count))]


def messy(count: int = 60) -> list[str]:
    """Return a table in a European spreadsheet's form with all that goes wrong in one."""
    draw = random.Random(0)
    rows = ["id;Datum;Größe;Größe;Stadt;Notiz;leer;Preis;fest"]
    for i in range(count):
        size = draw.choice(["?", "n/a"]) if i % 9 == 0 else f"{draw.uniform(0, 9):.2f}".replace(".", ",")
        price = "" if i % 20 == 3 else f"{draw.uniform(0, 9):.2f}".replace(".", ",")
        town = draw.choice(["Köln", "Ulm", ""])
        rows.append(f"{i};{i % 28 + 1:02}.03.2023;{size};{i % 5};{town};Notiz {i};;{price};7")
    return rows


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["search", *arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.mark.slow
def test_a_messy_table_gives_a_verdict_and_can_be_resumed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, messy(), "cp1252")
    small = ["--budget", "1", "--seeds", "2", "--space", "small.yaml"]
    (folder / "small.yaml").write_text("version: 1\nname: small\ncandidates: [relu, tanh]\n")
    assert main(["search", "--data", "train.csv", "--target", "Preis", *small]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for said in (
        "train.csv: 60 rows, regression of 'Preis' on ",
        "is not UTF-8; read as Windows-1252",
        "target 'Preis': 3 rows with no finite number are left out",
        "column 'id' is left out: it numbers the rows",
        "column 'Notiz' is left out: nearly every row has its own text",
        "column 'leer' is left out: it is empty",
        "column 'fest' is left out: it is constant",
        "5 folds of 43 rows guide the search; 14 rows set aside compare",
        "net.1  relu",
        "Verdict: ",
        "Gradient boosting (scikit-learn's defaults) on the same rows: val_loss ",
    ):
        assert said in printed.out
    (folder / "runs" / "train-1" / "report.json").unlink()
    assert main(["search", "--resume", "runs/train-1", "--quiet"]) == 0
    assert json.loads((folder / "runs" / "train-1" / "report.json").read_bytes())["reference"]["value"] > 0
    report = (folder / "runs" / "train-1" / "report.json").read_bytes()
    assert main(["search", "--resume", "runs/train-1", "--quiet"]) == 0
    assert (folder / "runs" / "train-1" / "report.json").read_bytes() == report
    capsys.readouterr()
    write(folder, messy(50), "cp1252")
    assert "train.csv has changed since the run" in refused(capsys, "--resume", "runs/train-1")
    (folder / "train.csv").unlink()
    assert "There is no file" in refused(capsys, "--resume", "runs/train-1")
    assert (folder / "runs" / "train-1" / "report.json").read_bytes() == report


@pytest.mark.parametrize(
    ("rows", "target", "said"),
    [
        (plain(), "Y2", "train.csv has no column 'Y2'. Did you mean 'y'? Columns: a, b, y"),
        (plain()[1:], "y", "has no header line, so no column 'y': name the column by its number, 1 to 3"),
        (plain(), "9", "has no column '9'"),
        (plain(9), "y", "has 9 rows with a target; dividing them takes at least 10"),
        (["a,y", *["1,yes"] * 30], "y", "the target 'y' has one value only ('yes' in all 30 rows)"),
        (["a,y", *["1,"] * 30], "y", "the target 'y' is empty"),
        (["a,y", *(f"1,{i % 2}" for i in range(30))], "y", "no column to learn from ('a': it is constant)"),
        (["a,y", *(f"{i % 2},{i % 2}" for i in range(30))], "y", "all others equal the target"),
        (["a,y", *(f"{i % 5},name {i}" for i in range(30))], "y", "30 different values in 30 rows"),
        (["y", *(f"{i}" for i in range(30))], "y", "has one column only, 'y'"),
        ([*plain(), "1,u"], "y", "train.csv, line 42: 2 cells where the first line has 3"),
        (["a,b,y"], "y", "has a header line and no rows below it"),
        ([""], "y", "train.csv is empty"),
    ],
)
def test_useless_tables_are_refused_before_training(
    folder: Path, capsys: pytest.CaptureFixture[str], rows: list[str], target: str, said: str
) -> None:
    write(folder, rows)
    assert said in refused(capsys, "--data", "train.csv", "--target", target)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--data train.csv", "--data needs --target COLUMN"),
        ("--target y", "--target belongs to --data FILE.csv"),
        ("--task digits --target y", "--target belongs to --data FILE.csv"),
        ("--data train.csv --target y --problem rank", "problem is 'rank'; it must be 'classification' or"),
        ("--data train.csv --target y --problem regression", "holds text such as 'no'; a regression needs"),
        ("--data nowhere.csv --target y", "There is no file"),
        ("--data . --target y", "Is a directory"),
        ("--data train.csv --target y --seed -1", "seed is -1"),
        ("--data train.csv --target y --monitor val_auc --mode max", "'val_auc' was never logged"),
    ],
)
def test_wrong_options_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    write(folder, plain())
    assert said in refused(capsys, *arguments.split())
    assert not (folder / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("target", ["3", "-1", "y"])
def test_the_target_goes_by_name_or_number(
    folder: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    write(folder, plain())
    assert main(["search", "--data", "train.csv", "--target", target, "--dry-run"]) == 0
    assert "train.csv: 40 rows, 2 classes of 'y' on 4 inputs from 2 of 2 columns" in capsys.readouterr().out
