"""What a user finds under `autoact.`: listed names, misspelled names, and what the command line loads."""

import gc
import subprocess
import sys
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import pytest

import autoact
from autoact._names import imported

ROOT = Path(autoact.__file__).parents[1]
FOLDERS = (
    *sorted(path.parent.name for path in (ROOT / "autoact").glob("*/__init__.py")),
    "spaces.files",
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_tab_completion_shows_the_api_only(folder):
    package = import_module(f"autoact.{folder}")
    assert [name for name in dir(package) if not name.startswith("__")] == sorted(package.__all__)


@pytest.mark.parametrize(
    ("package", "name", "meant"),
    [
        (autoact, "run_serach", "run_search"),
        (autoact, "AutoActivaton", "AutoActivation"),
        (autoact.spaces, "SerachSpace", "SearchSpace"),
        (autoact.activations, "list_activation", "list_activations"),
    ],
)
def test_a_misspelled_name_is_answered(package, name, meant):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'\. Did you mean '{meant}'"):
        getattr(package, name)


def test_what_is_like_nothing_gets_no_suggestion():
    with pytest.raises(AttributeError, match=r"^module 'autoact' has no attribute 'zzz'$"):
        _ = autoact.zzz  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", ["", "raise RuntimeError('at the end')"])
def test_no_garbage_is_looked_for_during_an_import(tmp_path, monkeypatch, end):
    (tmp_path / "noting.py").write_text(f"import gc, sys\nsys.noted = gc.isenabled()\n{end}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "noted", None, raising=False)
    monkeypatch.delitem(sys.modules, "noting", raising=False)
    with pytest.raises(RuntimeError, match="at the end") if end else nullcontext():
        imported("noting")
    sys.modules.pop("noting", None)
    assert (sys.noted, gc.isenabled()) == (False, True)  # type: ignore[attr-defined]
    gc.disable()
    try:
        imported("math")
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.slow
def test_type_checkers_see_misspelled_names(tmp_path):
    pytest.importorskip("mypy")
    file = tmp_path / "typed.py"
    file.write_text(
        "import autoact\n"
        "autoact.run_serach(1)\n"
        "autoact.AutoActivaton(['relu'])\n"
        "autoact.spaces.Chioce('relu')\n"
        "autoact.AutoActivation(['relu'], granularity='chanel')\n"
        "autoact.AutoActivation(['relu']); autoact.Choice('elu', alpha=0.5); autoact.SearchSpace(['relu'])\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",  # strict, as in scripts/test.sh, whose cache serves here
        str(ROOT / "pyproject.toml"),
        str(file),
    ]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    lines = [line.partition("typed.py:")[2] for line in found.stdout.splitlines() if "typed.py:" in line]
    assert [line.partition(":")[0] for line in lines if "error" in line] == ["2", "3", "4", "5"]
    assert "run_serach" in lines[0]
    assert "AutoActivaton" in lines[1]


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(option):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['autoact', {option!r}]\n"
        "try:\n    runpy.run_module('autoact', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print('loaded', *sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    said, _, loaded = found.stdout.partition("loaded ")
    assert said.startswith(f"autoact {autoact.__version__}" if option == "--version" else "usage: autoact")
    assert {"torch", "sympy", "numpy", "yaml", "autoact.spaces"} & set(loaded.split()) == set()


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "autoact", "--version"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout == f"autoact {autoact.__version__}\n"
