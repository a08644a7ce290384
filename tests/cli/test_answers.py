"""Every command answers in words or, with --json, by one JSON object."""

import json
from pathlib import Path

import pytest

from autoact import run_search
from autoact.cli import main
from autoact.cli._commands import _parser
from autoact.cli._search import search_parser
from autoact.spaces import Assignment

CSV = "x,color,y\n" + "".join(f"{n % 7},{'ab'[n % 2]},{n % 7 + n % 2}\n" for n in range(60))


def commands() -> list[str]:
    (actions,) = (a for a in _parser()._actions if a.choices and "search" in a.choices)
    return sorted(actions.choices or ())


@pytest.mark.parametrize("command", commands())
def test_every_command_has_both(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    if command == "search":
        text = search_parser().format_help()
    else:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = capsys.readouterr().out
    assert "--json" in text
    assert "--quiet" in text


def value(assignment: Assignment, seed: int, fraction: float) -> float:
    worse = sum(choice.activation == "relu" for choice in assignment.values())
    return worse + seed * (1 + 6 * worse) % 97 / 1e4


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, brief_searches: None) -> str:
    out = tmp_path_factory.mktemp("answers") / "run"
    run_search(
        objective=value,
        layers=["a"],
        space=["relu", "tanh"],
        budget=3,
        seeds=3,
        mode="min",
        out=out,
        quiet=True,
    )
    return str(out)


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    return found


def test_a_report_says_verdict_recommendation_and_next_step(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(capsys, "report", run)
    assert found["verdict"] == found["report"]["verdict"] == "improved"
    assert found["recommended"] == {"a": "tanh"}
    assert found["next"]["step"] == "Give your model the chosen activations:"
    assert f"{run}/assignment.yaml" in found["next"]["code"]
    assert answered(capsys, "status", run)["state"] == "finished"
    assert answered(capsys, "compare", run, run)["verdicts"] == ["improved", "improved"]


def test_facts_are_told_with_infinity_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "show", "elu", "--param", "alpha=0.5")
    assert found["parameters"] == {"alpha": 0.5}
    assert (found["range"], found["limits"]) == ([-0.5, "inf"], [-0.5, "inf"])


@pytest.mark.slow
def test_a_search_prints_one_object_whatever_is_printed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(CSV)
    Path("two.yaml").write_text("version: 1\nname: two\ncandidates: [relu, tanh]\n")
    asked = ["search", "--data", "t.csv", "--target", "y", "--space", "two.yaml"]
    assert main([*asked, "--dry-run", "--json"]) == 0
    told, _ = capfd.readouterr()
    plan = json.loads(told)
    assert [(c["column"], c["read as"], c["inputs"]) for c in plan["columns"]] == [
        ("x", "numbers", 1),
        ("color", "categories", 2),
        ("y", "target", 0),
    ]
    assert plan["trainings"]["total"] == sum(n for name, n in plan["trainings"].items() if name != "total")
    assert main([*asked, "--dry-run"]) == 0
    assert "color   categories       2  2: a, b" in capfd.readouterr().out
    assert main([*asked, "--budget", "1", "--seeds", "2", "--selection-seeds", "1", "--json"]) == 0
    told, progress = capfd.readouterr()
    assert json.loads(told)["run"] == "runs/t-1"
    assert "autoact predict runs/t-1 NEW.csv" in json.loads(told)["next"]["step"]
    assert "Run directory: runs/t-1" in progress
    assert main(["predict", "runs/t-1", "t.csv", "--quiet"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 61
