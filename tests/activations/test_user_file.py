"""A file of a user's activations is run once; names of autoact's are not taken."""

from pathlib import Path
from typing import Any

import pytest

from autoact.activations import _registry, get, register_file
from autoact.errors import ConfigurationError

HEAD = "import sympy as sp\nimport autoact\n"


def one(name: str, formula: str) -> str:
    return f"@autoact.activation(family='test')\ndef {name}(x):\n    return {formula}\n"


def test_the_names_are_those_that_the_file_registers(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(HEAD + one("user_first", "x + sp.sin(x) / 5") + one("user_second", "x + sp.cos(x) / 5"))
    assert register_file(file) == ("user_first", "user_second")
    assert register_file(file) == ("user_first", "user_second")
    assert get("user_first").family == "test"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (one("relu", "x + sp.sin(x)"), "Activation name 'relu' is taken by Activation"),
        (one("gelu_tanh", "get('gelu_tanh').expression"), "registers 'gelu_tanh', which comes with autoact"),
        (one("user_third", "x") + one("user_third", "2 * x"), "name 'user_third' is taken by"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ],
)
def test_what_cannot_be_registered_is_told(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "file.py"
    known: list[dict[str, Any]] = [_registry._registry, _registry._aliases, _registry._definitions]
    kept = [{**each} for each in known]
    file.write_text(HEAD + "from autoact import get\n" + content)
    try:
        with pytest.raises(ConfigurationError, match=said):
            register_file(file)
    finally:
        for each, before in zip(known, kept, strict=True):
            each.clear()
            each.update(before)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.py: there is no such Python file"):
        register_file("nowhere.py")
