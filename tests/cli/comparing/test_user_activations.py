"""`autoact compare mine.py`: from a file to tables."""

import json
from pathlib import Path

import pytest

from autoact.cli import main

FILE = """import sympy as sp
import autoact

@autoact.activation(family="test")
def compared_bend(x, amount=autoact.Parameter(default=0.5)):
    return x + amount * (sp.sqrt(x**2 + 1) - 1)
"""
NETS = """from torch import nn
from autoact.training.tasks import get_task
from dataclasses import replace

def Net(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 4), nn.ReLU(), nn.Linear(4, outputs))

def brief(name="cancer"):
    return replace(get_task(name), trainer={"max_epochs": 1, "accelerator": "cpu"})

tumors = brief()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "compared_file.py").write_text(FILE)
    (tmp_path / "compared_nets.py").write_text(NETS)
    (tmp_path / "nothing.py").write_text("import autoact\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("nothing.py", "nothing.py registers no activation: decorate a function with @autoact.activation"),
        ("nowhere.py", "nowhere.py: there is no such Python file"),
        (
            "compared_file.py some-run",
            "compare takes runs or Python files; compared_file.py and some-run are",
        ),
        ("run other --seeds 3", "--seeds belongs to FILE.py"),
        ("compared_file.py --seeds 1", "seeds is 1; an interval needs 2"),
        ("compared_file.py --against rleu", "No activation named 'rleu'. Did you mean 'relu'?"),
        ("compared_file.py --tasks digit", "No task named 'digit'. Did you mean 'digits'?"),
        ("compared_file.py --tasks compared_nets:Nut", "--tasks is 'compared_nets:Nut', which cannot be"),
        ("compared_file.py --target y", "--target belongs to --data FILE.csv"),
        ("compared_file.py --data x.csv", "--data needs --target COLUMN"),
        ("compared_file.py --tasks digits --model compared_nets:Net", "--model belongs to tables"),
        ("compared_file.py --latex none/table.tex", "There is no folder for --latex none/table.tex"),
    ],
)
def test_what_is_wrong_is_told_before_any_training(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    assert main(["compare", *arguments.split()]) == 2
    assert said in capsys.readouterr().err
    assert not (here / "runs").exists()


@pytest.mark.slow
def test_a_file_is_ranked_on_tasks_of_all_kinds(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoact.tabular._training_setup._STEPS", 8)
    (here / "t.csv").write_text("x,y\n" + "".join(f"{i % 17},{(i % 17) ** 2 + i % 3}\n" for i in range(300)))
    (here / "small.yaml").write_text(
        "model: {class_path: autoact.training.tasks.DigitsModel, init_args: {width: 4}}\n"
        "data: {class_path: autoact.training.tasks.DigitsData}\n"
        "trainer: {max_epochs: 1, accelerator: cpu}\nsearch: {monitor: val_acc}\n"
    )
    arguments = "compare compared_file.py --against relu --seeds 2 --tasks compared_nets:tumors small.yaml"
    table = " --data t.csv --target y --latex table.tex --json"
    assert main([*arguments.split(), *table.split()]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["mode"]) for each in found["tasks"]] == [
        ("cancer", "min"),
        ("small", "max"),
        ("t.csv", "min"),
    ]
    assert found["activations"]["compared_bend"]["rank"] in (1, 2)
    assert (here / "table.tex").read_text().count("compared") > 2
    assert {file.name for file in (here / "runs" / "compare-compared_file").glob("*.jsonl")} == {
        "cancer.jsonl",
        "small.jsonl",
        "t.csv.jsonl",
    }
    assert main([*arguments.split(), "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("compared_bend: mean rank")


@pytest.mark.slow
def test_a_network_of_ones_own_is_trained_on_the_tables(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "--tasks compared_nets:tumors digits --model compared_nets:Net --against tanh --seeds 2 --json"
    )
    assert main(["compare", "compared_file.py", *arguments.split(), "--out", "own"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found["tasks"]] == ["cancer"]
    assert "layers: net.1" in (here / "own" / "ranking.yaml").read_text()
