"""What `autoact show` and `autoact list` say about any activation and any parameters."""

from pathlib import Path

import pytest

from autoact.analysis import subject
from autoact.cli import main
from autoact.cli.catalogue._catalogue import describe
from autoact.cli.catalogue._curve import draw


def test_parameters_change_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "prelu", "--param", "slope=0.5"]) == 0
    shown = capsys.readouterr().out
    assert "slope = 0.5 in" in shown
    assert "noise κ 1.11111" in shown  # 2 (1 + s²) / (1 + s)²
    assert "range       [-∞, ∞]" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--param", "slope=steep"], "is not name=value with a number. Parameters of prelu: slope=0.25"),
        (["--param", "alpha=1"], "prelu has no parameter 'alpha'; it has: slope."),
        (["--module", "nowhere.py"], "--module nowhere.py: there is no such Python file"),
    ],
)
def test_bad_input_is_told_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "prelu", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_activations_of_a_users_file_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import sympy as sp\nimport autoact\n\n"
        "@autoact.activation(family='test')\n"
        "def shown_from_a_file(x):\n    '''Twice the rectifier.'''\n    return 2 * sp.Max(x, 0)\n"
    )
    assert main(["show", "shown_from_a_file", "--module", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "Lipschitz   2" in shown
    assert "kinks 0" in shown


def test_what_does_not_exist_is_said_in_words() -> None:
    shown = describe("gcu")
    assert "limits none and none" in shown
    assert "noise κ ∞" in shown


def test_the_graph_has_its_values_at_its_ends() -> None:
    graph = draw(subject("hardtanh"), -2.0, 2.0, columns=20, rows=4).splitlines()
    assert graph[0].split()[0] == "1"
    assert graph[3].split()[0] == "-1"
    assert graph[3][10] != "\u2800"  # low at the left
    assert graph[0][10] == "\u2800"
    assert graph[0][29] != "\u2800"  # high at the right


def test_torchs_own_names_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "LeakyReLU", "--param", "negative_slope=0.2"]) == 0
    assert capsys.readouterr().out.startswith("leaky_relu: ")
    assert main(["show", "LeakyRELUU"]) == 2
    assert "Did you mean 'leaky_relu'?" in capsys.readouterr().err
