"""The layout is what the architecture says: read from the source, and from a fresh interpreter."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import autoact

PACKAGE = Path(autoact.__file__).parent
ROOT = PACKAGE.parent

# A file imports only from its own folder and from those before it.
ORDER = (
    "dashboard",
    "errors",
    "_cache",
    "_card",
    "_names",
    "_on_import",
    "activations",
    "analysis",
    "kernels",
    "spaces",
    "nn",
    "records",
    "conversion",
    "exporting",
    "latency",
    "geometry",
    "tracking",
    "training",
    "integrations",
    "report",
    "search",
    "invention",
    "ranking",
    "tabular",
    "advice",
    "play",
    "cli",
    "__main__",
)
# Folders that do not have the form of the others yet: the tests marked with UNFINISHED skip them.
UNFINISHED: set[str] = set()
MOST_FILES = 12  # of a folder, its __init__ not counted
# Inner files that other folders may import all the same, and why.
OPEN_FILES = {
    "autoact.nn._ranges": "weights of checkpoints hold unconstrained parameters",
    "autoact.nn._saved": "weights of checkpoints are read in the form in which a layer saves them",
}
# File names that stand in several folders, and the one meaning that they have in all of them.
SHARED_NAMES: dict[str, str] = {}
# Who may import what is heavy or belongs to one place.
RESERVED = {
    "lightning": {"training"},
    "optuna": {"search"},
    "triton": {"kernels"},
    "tensorboard": {"tracking", "dashboard"},
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
    "export",
    "finalize",
    "find_layers",
    "geometry",
    "get",
    "invent",
    "kernels",
    "list_activations",
    "load_run",
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


@cache  # several tests look at each file
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """Return line and full name of everything that a file imports, wherever in the file it does."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
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


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that run when a module is imported; none of functions or for type checkers."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        yield node
        for name in ("body", "orelse", "handlers", "finalbody"):
            inner = getattr(node, name, [])
            if not (is_type_checking(node) and name == "body"):
                yield from statements(inner)


def loaded(path: Path, modules: set[str]) -> set[str]:
    """Return the modules of the package that are imported with a file."""
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = names & modules
            found |= inner if inner == names else {*inner, str(node.module)}
    return found & modules


def cycles(files: list[Path]) -> list[list[str]]:
    """Return the circles of modules that import each other, as strongly connected parts."""
    names = {module_name(path): path for path in files}
    graph = {name: loaded(path, set(names)) - {name} for name, path in names.items()}
    reach = {name: reached(graph, name) for name in graph}
    parts = {tuple(sorted(n for n in reach[name] if name in reach[n])) for name in graph}
    return [list(part) for part in sorted(parts) if part]


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        for name in graph[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def is_finished(path: Path) -> bool:
    return home_of(path) not in UNFINISHED


def folders() -> list[Path]:
    """Return the folders of the package that have the form which the tests below ask for."""
    return [path.parent for path in SOURCES if path.name == "__init__.py" and is_finished(path)]


def inner_imports(path: Path) -> Iterator[str]:
    """Speak of imports that reach past another folder's API into its files."""
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] != "autoact" or len(parts) < 3 or parts[1] in (home_of(path), *UNFINISHED):
            continue
        if any(part.startswith("_") and not part.startswith("__") for part in parts[2:]):
            if ".".join(parts[:-1]) not in OPEN_FILES:
                yield f"{name_of(path)}, line {line}: {name} is no part of the API of autoact.{parts[1]}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = [part for part in cycles(SOURCES) if not {name.split(".")[1] for name in part} & UNFINISHED]
    assert found == []


def test_other_folders_import_the_api_of_a_folder() -> None:
    assert [message for path in SOURCES for message in inner_imports(path)] == []


@pytest.mark.parametrize("folder", folders(), ids=name_of)
def test_a_folder_holds_a_dozen_files_at_most(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST_FILES


@pytest.mark.parametrize("folder", folders(), ids=name_of)
def test_the_api_of_a_folder_is_its_init(folder: Path) -> None:
    module = import_module(module_name(folder / "__init__.py"))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert {name for name in dir(module) if not name.startswith("_")} == set(module.__all__)


@pytest.mark.parametrize("folder", [each for each in folders() if each != PACKAGE], ids=name_of)
def test_inner_files_are_underscored(folder: Path) -> None:
    listed = import_module(module_name(folder / "__init__.py")).__all__  # modules that users name stand there
    inner = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert inner - set(listed) == set()


def test_a_file_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        if is_finished(path) and not path.stem.startswith("__"):
            homes.setdefault(path.stem.removeprefix("_"), []).append(name_of(path))
    assert {name: at for name, at in homes.items() if len(at) > 1 and name not in SHARED_NAMES} == {}


def test_the_lists_of_exceptions_name_what_exists() -> None:
    assert set(ORDER) >= UNFINISHED
    assert {name for name in UNFINISHED if not (PACKAGE / name).exists()} == set()
    assert {name for name in OPEN_FILES if not (ROOT / f"{name.replace('.', '/')}.py").is_file()} == set()


def package_of(files: dict[str, str], at: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    for name, source in files.items():
        path = at / "autoact" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", at / "autoact")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", at)
    return [at / "autoact" / name for name in files]


def test_a_circle_is_seen_and_a_lazy_import_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from autoact.nn._a import x\n"
    files = {
        "nn/__init__.py": "from autoact.nn._a import x\n",
        "nn/_a.py": "from autoact.nn import _b\n",
        "nn/_b.py": "try:\n    from autoact.nn._c import x\nfinally:\n    pass\n",
        "nn/_c.py": "from autoact.nn._a import x\n",
        "nn/_d.py": lazy + "def f():\n    from autoact.nn._d import x\n",
    }
    made = package_of(files, tmp_path, monkeypatch)
    assert cycles(made) == [["autoact.nn._a", "autoact.nn._b", "autoact.nn._c"]]
    made[3].write_text(lazy)
    assert cycles(made) == []


def test_an_import_past_an_api_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    past = "from autoact.analysis._kinks import kinks", "from autoact.analysis import _far, gain"
    source = "def f():\n" + "".join(f"    {line}\n" for line in past)
    (made,) = package_of({"latency/_a.py": source}, tmp_path, monkeypatch)
    assert [message.partition(": ")[2].split()[0] for message in inner_imports(made)] == [
        "autoact.analysis._kinks.kinks",
        "autoact.analysis._far",
    ]


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
