"""The command answers, writes a space that the search takes, and refuses bad input in one line."""

import json

import numpy as np
import pytest

from autoact.cli import main


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2))
    y = np.maximum(x @ [1.0, 1.0], 0)
    rows = "\n".join(f"{a:.5f},{b:.5f},{c:.5f}" for (a, b), c in zip(x, y, strict=True))
    (tmp_path / "table.csv").write_text(f"dose,age,response\n{rows}\n")
    return tmp_path / "table.csv"


@pytest.mark.slow
def test_the_search_takes_the_space_that_is_advised(file, capsys, brief_searches) -> None:
    arguments = ["--data", "table.csv", "--target", "response"]
    assert main(["advise", *arguments, "--out", "mine.yaml"]) == 0
    out = capsys.readouterr().out
    assert "asymmetric evidence" in out
    assert "percentages are of the squared error that a linear fit leaves on the rows between" in out
    assert out.partition("Candidates\n  ")[2].startswith("relu ")
    assert "autoact search --data table.csv --target response --space mine.yaml" in out
    assert main(["search", *arguments, "--space", "mine.yaml", "--dry-run"]) == 0
    assert "net.1  relu  from relu" in capsys.readouterr().out


def test_needs_alone_are_enough(capsys) -> None:
    assert main(["advise", "--derivatives", "2", "--range", "-1:1", "--depth", "4"]) == 0
    out = capsys.readouterr().out
    assert "tanh" in out.partition("Ruled out")[0]
    assert "has 0 continuous derivatives; asked for: 2 continuous derivatives" in out
    assert out.startswith("No data were looked at; this is the usual order. Only a search tells what trains")
    assert "χ and κ are those of a layer whose inputs are normal" in out


def test_data_that_say_nothing_are_said_to(file, capsys) -> None:
    noise = np.random.default_rng(1).normal(size=(80, 2))
    rows = "\n".join(f"{a:.4f},{b:.4f}" for a, b in noise)
    file.write_text(f"x,y\n{rows}\n")
    assert main(["advise", "--data", "table.csv", "--target", "y", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["order"].startswith("Your data say nothing of the activations; this is the usual order.")
    assert not any("explains" in candidate["reason"] for candidate in found["candidates"])
    assert main(["advise", "--json"]) == 0
    assert [c["name"] for c in json.loads(capsys.readouterr().out)["candidates"]] == [
        candidate["name"] for candidate in found["candidates"]
    ]


def test_activations_of_a_users_file_are_judged_too(file, capsys) -> None:
    file.with_name("mine.py").write_text(
        "import sympy as sp\nimport autoact\n\n\n"
        "@autoact.activation(family='mine')\n"
        "def softstep(x):\n    '''Smooth step from 0 to 2.'''\n    return 1 + sp.tanh(x)\n\n\n"
        "@autoact.activation(family='mine')\n"
        "def half_log(x):\n    '''Not defined below -1.'''\n    return sp.log(1 + x)\n"
    )
    assert main(["advise", "--range", "0:2", "--derivatives", "1", "--module", "mine.py"]) == 0
    found, _, ruled_out = capsys.readouterr().out.partition("Ruled out")
    assert "softstep" in found
    assert "half_log" in ruled_out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--derivatives", "two"], "invalid int value: 'two'"),
        (["--derivatives", "12"], "0 to 8; got 12"),
        (["--range", "1:0"], "LOW < HIGH"),
        (["--target", "response"], "belongs to --data"),
        (["--data", "table.csv"], "needs --target COLUMN"),
        (
            ["--data", "table.csv", "--target", "respons"],
            "table.csv has no column 'respons'. Did you mean 'response'",
        ),
        (["--data", "none.csv", "--target", "y"], "There is no file none.csv"),
        (["--data", "bad.csv", "--target", "b"], "bad.csv, line 3: 3 cells where the first line has 2"),
        (["--module", "none.py"], "--module none.py: there is no such Python file"),
        (["--out", "table.csv"], "must end in .yaml"),
        (["--out", "there.yaml"], "there.yaml exists"),
        (["--out", "no/where.yaml"], "Cannot write no/where.yaml"),
    ],
)
def test_bad_input_is_told_in_one_line(file, capsys, arguments, message) -> None:
    file.with_name("bad.csv").write_text("a,b\n1,2\n1,2,3\n")
    file.with_name("there.yaml").write_text("")
    assert main(["advise", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
