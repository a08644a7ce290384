"""The layout is what the architecture says: read from the source, and from a fresh interpreter."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoact

PACKAGE = Path(autoact.__file__).parent
ROOT = PACKAGE.parent

# A file imports only from its own folder and from those before it.
ORDER = (
    "errors",
    "_names",
    "activations",
    "analysis",
    "kernels",
    "spaces",
    "nn",
    "conversion",
    "latency",
    "geometry",
    "tracking",
    "training",
    "report",
    "search",
    "tabular",
    "advice",
    "cli",
    "__main__",
)
# Who may import what is heavy or belongs to one place.
RESERVED = {
    "lightning": {"training"},
    "optuna": {"search"},
    "triton": {"kernels"},
    "tensorboard": {"tracking"},
    "sklearn": {"training", "tabular"},
}
PUBLIC = {
    "Activation",
    "ActivationSearch",
    "Assignment",
    "AutoActError",
    "AutoActivation",
    "Choice",
    "FixedActivation",
    "FunctionSpaceSampler",
    "Parameter",
    "SearchSpace",
    "activation",
    "analysis",
    "apply",
    "auto_layers",
    "conversion",
    "convert",
    "derive",
    "errors",
    "finalize",
    "find_layers",
    "geometry",
    "get",
    "kernels",
    "list_activations",
    "load_weights",
    "mixture",
    "nn",
    "run_search",
    "search",
    "spaces",
    "tabular",
    "training",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc", "engine", "manager", "factory"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def home_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give line and full name of everything that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}, line {node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def folder_violations(path: Path) -> Iterator[str]:
    own = home_of(path)
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] == "autoact" and len(parts) > 1 and parts[1] in ORDER:
            if ORDER.index(parts[1]) > ORDER.index(own):
                yield f"{name_of(path)}, line {line}: {own} imports {name}, which stands below it"
        elif own not in RESERVED.get(parts[0], {own}):
            yield f"{name_of(path)}, line {line}: only {RESERVED[parts[0]]} may import {parts[0]}"


def test_every_file_imports_only_from_above() -> None:
    files = [path for path in SOURCES if path != PACKAGE / "__init__.py"]
    assert {home_of(path) for path in files} <= set(ORDER)
    assert [message for path in files for message in folder_violations(path)] == []


def test_the_reader_of_imports_sees_a_violation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spaces"
    folder.mkdir()
    (folder / "bad.py").write_text("def f():\n    from autoact.search import run_search\n    import optuna\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert len(list(folder_violations(folder / "bad.py"))) == 2


def test_importing_autoact_loads_nothing_heavy() -> None:
    code = "import sys, autoact; print(*{name.partition('.')[0] for name in sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {
        "torch",
        "sympy",
        "lightning",
        "optuna",
        "tensorboard",
        "triton",
        "matplotlib",
        "scipy",
        "jinja2",
    }
    assert heavy & set(found.stdout.split()) == set()


def test_the_public_api_is_frozen_and_complete() -> None:
    assert set(autoact.__all__) == PUBLIC
    assert [name for name in sorted(PUBLIC) if getattr(autoact, name, None) is None] == []
    assert {name for name in dir(autoact) if not name.startswith("__")} == PUBLIC


@pytest.mark.parametrize("path", SOURCES + SCRIPTS + TESTS, ids=name_of)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_median_file_is_short() -> None:
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES)
    assert lengths[len(lengths) // 2] <= 150


def test_no_file_or_folder_has_a_vague_name() -> None:
    parts = {
        part.removesuffix(".py")
        for path in SOURCES + SCRIPTS + TESTS
        for part in path.relative_to(ROOT).parts
    }
    assert parts & VAGUE == set()


def test_no_public_name_is_vague() -> None:
    vague = ("Engine", "Manager", "Factory", "Util", "Helper")
    names = [
        f"{name_of(path)}, line {node.lineno}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(word in node.name for word in vague)
    ]
    assert names == []


def test_every_test_file_stands_where_its_subject_does() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in TESTS if path.name.startswith("test_")}
    homes = (PACKAGE, ROOT / "scripts")
    assert [str(f) for f in sorted(folders) if not any((home / f).is_dir() for home in homes)] == []


def test_the_package_knows_no_script_and_no_folder_of_scripts_is_full() -> None:
    assert [name_of(path) for path in SOURCES if any(n.startswith("scripts") for _, n in imports(path))] == []
    files = Counter(path.parent for path in SCRIPTS if path.name != "__init__.py")
    assert {name_of(folder): count for folder, count in files.items() if count > 12} == {}


def test_shipped_files_are_where_the_package_looks() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert (ROOT / "search_spaces" / "default.yaml").is_file()
    assert (PACKAGE / "report" / "templates" / "report.html").is_file()


def test_every_script_that_is_named_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    files = [*pages, *SOURCES, *SCRIPTS, *sorted((ROOT / "scripts").glob("*.sh"))]
    named = re.compile(r"(?<![\w/.])scripts/[\w/]+\.(?:py|sh)")
    missing = [
        f"{name_of(path)}: {name}"
        for path in files
        for name in named.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).is_file()
    ]
    assert missing == []
