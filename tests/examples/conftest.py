"""Applications are scripts: tests run them as a module of their own."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SimpleNamespace]:
    """Give everything that a script defines, by its name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return lambda name: SimpleNamespace(**runpy.run_path(str(SCRIPTS / f"{name}.py")))


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    torch.manual_seed(0)
