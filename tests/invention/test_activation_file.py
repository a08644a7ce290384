"""The file of an invention is all that others need, and takes nobody's place."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autoact.analysis import normal_quantiles
from autoact.errors import ConfigurationError
from autoact.invention import Curve, Form, FoundFormula, trees
from autoact.invention._activation_file import check_name, file_text, write_new
from autoact.invention._fits import polished

Z = normal_quantiles(65)
USE = """
import {name}
assert {name}.LATEX and {name}.FACTS["growth"] == "linear" and {name}.FOUND_ON == {{"data": "a test"}}
assert len({name}.CURVE) > 20
act = autoact.get("{name}")
assert act.family == "invented" and "{name}" in autoact.list_activations()
space = autoact.SearchSpace.from_dict({{"candidates": ["relu", "{name}"]}})
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
autoact.convert(model, space)(torch.randn(200, 2)).sum().backward()
autoact.finalize(model)
autoact.apply(model, {{"1": "{name}"}})
autoact.export(model, "exported_{name}", torch.randn(4, 2))
x = torch.linspace(-2, 2, 5, dtype=torch.float64)
print(*act(x).tolist())
"""


def formula(function: str, line: bool = True) -> tuple[FoundFormula, Curve]:
    tree = next(tree for tree in trees() if str(tree.expression) == function)
    value, slope = tree.dual(1.2 * (Z - 0.1), 1.5)
    curve = Curve(Z, 2 * value + line * 0.3 * Z, 2.4 * slope + line * 0.3)
    return FoundFormula(polished(curve, Form(terms=(tree,), line=line, inner=(1.0, 0.0, 1.2)))), curve


@pytest.mark.slow
def test_importing_it_is_all_that_is_needed(tmp_path: Path) -> None:
    made = [
        formula(each) for each in ("exp(-Abs(x))", "1/(x**2 + 1)", "log(exp(x) + 1)*tanh(theta*x)", "Abs(x)")
    ]
    code = "import torch, autoact\n"
    for place, (found, curve) in enumerate(made):
        name = f"of_a_test_{place}"
        write_new(tmp_path / f"{name}.py", file_text(name, found, curve, {"data": "a test"}))
        code += USE.format(name=name)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    x = np.linspace(-2, 2, 5)
    values = np.array(run.stdout.split()[-5 * len(made) :], dtype=float).reshape(len(made), 5)
    for (found, _), own in zip(made, values, strict=True):
        assert np.ptp(found.at(x) - own) < 5e-3  # a shift is no part of the formula


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("relu", "taken by Activation"),
        ("ReLU", "taken by Activation"),
        ("rational", "taken by Activation"),
        ("two words", "no name of a Python function"),
        ("class", "no name of a Python function"),
        ("_mine", "no name of a Python function"),
        ("", "no name of a Python function"),
        ("exp", "one of SymPy's"),
        ("Max", "one of SymPy's"),
    ],
)
def test_a_name_that_cannot_be_taken_is_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_name(name, tmp_path / "new.py")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("mine")
    for attempt in (lambda: check_name("mine", path), lambda: write_new(path, "other")):
        with pytest.raises(ConfigurationError, match="nothing is overwritten"):
            attempt()
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "message"), [("mine.txt", "no Python file"), ("no/mine.py", "There is no folder")]
)
def test_a_file_that_cannot_be_written_is_refused(file: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_name("mine", tmp_path / file)
