"""What no process could import goes by value; what cannot be sent is named before anything starts."""

import importlib.util
import io
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact import run_search
from autoact.activations import _registry, additions
from autoact.errors import ConfigurationError
from autoact.search.executors import require_picklable
from autoact.search.executors._sending import receive, send
from autoact.search.executors._session import Session, is_importable
from tests.search import models


def sent(value: Any) -> Any:
    """Return what another process would receive."""
    file = io.BytesIO()
    send(value, torch.get_num_threads(), file)
    file.seek(0)
    return receive(file)


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what taking over a session changes."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", sys.modules["__main__"].__spec__)
    dtype = torch.get_default_dtype()
    with warnings.catch_warnings():
        yield
    torch.set_default_dtype(dtype)


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Any]:
    """A module that stands in a file outside of sys.path."""
    file = tmp_path / "far_away.py"
    file.write_text("FACTOR = 3\n\n\nclass Tripled:\n    def of(self, x):\n        return FACTOR * x\n")
    spec = importlib.util.spec_from_file_location("far_away", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["far_away"] = made
    spec.loader.exec_module(made)
    yield made
    sys.modules.pop("far_away", None)


def test_a_lambda_a_closure_and_a_local_class_arrive() -> None:
    step = 4

    class Local:
        def of(self, x: int) -> int:
            return x + step

    received = sent((lambda x: x + step, Local))
    assert received[0](1) == 5
    assert received[1]().of(2) == 6


def test_a_module_that_cannot_be_imported_goes_by_value(module: Any) -> None:
    assert not is_importable("far_away")
    file = io.BytesIO()
    send(module.Tripled(), 1, file)
    del sys.modules["far_away"]
    file.seek(0)
    received = receive(file)
    assert received.of(2) == 6
    assert sys.modules["far_away"].Tripled is type(received)  # where a checkpoint looks for it


def test_a_module_of_another_file_with_the_name_of_an_importable_one_goes_by_value(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "far_away.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "other")
    assert not is_importable("far_away")
    assert is_importable("torch.nn")


def test_settings_of_torch_and_filters_of_warnings_are_taken_over() -> None:
    torch.set_default_dtype(torch.float64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "of the user", UserWarning)
        session = Session.here()
    torch.set_default_dtype(torch.float32)
    session.take_over()
    assert torch.get_default_dtype() == torch.float64
    warnings.warn("of the user", UserWarning, stacklevel=1)  # an error unless it is ignored


def test_activations_of_a_file_are_told_by_their_module_and_others_whole(
    monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    of_file, of_cell = models.network, module.Tripled.of
    for name, function in (("of_file", of_file), ("of_cell", of_cell)):
        monkeypatch.setitem(_registry._definitions, name, (function, {"family": "mine"}))
    assert additions()["of_file"] == (of_file, {"family": "mine"})
    assert Session.here().activations["of_file"] == "tests.search.models"
    assert Session.here().activations["of_cell"] == (of_cell, {"family": "mine"})


def test_what_cannot_be_sent_is_named_before_the_start(tmp_path: Path) -> None:
    lock = threading.Lock()

    def objective(assignment: Any, seed: int, fraction: float) -> float:
        with lock:
            return 1.0

    why = "and 'lock', which .*objective uses, cannot: cannot pickle '_thread.lock' object. Make that inside"
    with pytest.raises(ConfigurationError, match=why):
        run_search(objective=objective, layers=["a"], mode="min", workers=2, out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_an_attribute_that_cannot_be_sent_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"and these cannot: cannot pickle .*set workers to 1"):
        require_picklable({"log": threading.Lock()})
