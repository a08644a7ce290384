"""Experiments are scripts: tests run them as a module of their own."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="session")
def script() -> Callable[[str], SimpleNamespace]:
    """Give everything that a script defines, by its name."""
    return lambda name: SimpleNamespace(**runpy.run_path(str(SCRIPTS / f"{name}.py")))
