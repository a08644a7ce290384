"""Docstrings of the API are whole: a summary, every parameter, every exception, an example that runs."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

import autoact

PACKAGE = Path(autoact.__file__).parent
FOLDERS = (
    "activations",
    "advice",
    "analysis",
    "conversion",
    "errors",
    "geometry",
    "kernels",
    "latency",
    "nn",
    "play",
    "ranking",
    "records",
    "report",
    "search",
    "spaces",
    "tabular",
    "tracking",
    "training",
)
# Public names without a running example, and why.
WITHOUT_EXAMPLE: dict[str, str] = {}
# Words with which a clause or an order begins; a module is a thing, and its docstring names it.
NO_NOUNS = set(
    "what which how whether where when why who whose if from to as "
    "is are be does do make find write read load choose take give get say tell show compute draw train "
    "keep put turn convert replace add use apply".split()
)


def public_callables() -> Iterator[tuple[str, Callable]]:
    """Yield each public function and class once, under its shortest name; aliases of types are neither."""
    seen = set()
    for place in ("autoact", *(f"autoact.{folder}" for folder in FOLDERS)):
        module = import_module(place)
        for name in getattr(module, "__all__", ()):
            value = inspect.unwrap(getattr(module, name))
            if id(value) not in seen and (inspect.isroutine(value) or inspect.isclass(value)):
                seen.add(id(value))
                yield f"{place}.{name}", value


CALLABLES = dict(public_callables())


def parameters(value: Callable) -> list[str]:
    """Return what a caller may give; fields that `Attributes:` describes need no second description."""
    if dataclasses.is_dataclass(value) and "Attributes:" in (value.__doc__ or ""):
        return []
    if inspect.isclass(value) and not own_constructors(value):
        return []
    return [name for name in inspect.signature(value).parameters if name != "self" and name[0] != "_"]


def own_constructors(cls: type) -> list[Callable]:
    """Return the constructors that are written in this package; an enumeration or protocol has none."""
    if getattr(cls, "_is_protocol", False):
        return []
    made = [getattr(cls, name) for name in ("__new__", "__init__", "__post_init__") if hasattr(cls, name)]
    return [one for one in made if (getattr(one, "__module__", None) or "").startswith("autoact")]


def raises(value: Callable) -> bool:
    """Say whether the source of a function, or of a class's constructor, raises directly."""
    bodies = own_constructors(value) if inspect.isclass(value) else [value]
    return any(_raises(body) for body in bodies)


def _raises(function: Callable) -> bool:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except OSError:  # the constructor that `dataclass` writes
        return False
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))


def section(documentation: str, name: str) -> str:
    """Return the text of one section, up to the next one; empty where there is none."""
    found = re.search(rf"^{name}:\n(.*?)(?=^\S|\Z)", documentation, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def names(described: str, parameter: str) -> bool:
    """Say whether a section has an entry for a parameter, alone or in a list of several."""
    return re.search(rf"^\s+(.*, )?\*{{0,2}}{parameter}\b.*:", described, re.MULTILINE) is not None


@pytest.mark.parametrize("name", CALLABLES)
def test_a_public_name_is_documented(name):
    value = CALLABLES[name]
    documentation = inspect.cleandoc(value.__doc__ or "")
    assert documentation.split("\n\n")[0].endswith("."), "no summary, or one that is no sentence"
    missing = [one for one in parameters(value) if not names(section(documentation, "Args"), one)]
    assert not missing, f"Args: does not name {missing}"
    assert section(documentation, "Raises") or not raises(value), "the source raises, Raises: is missing"
    assert ">>>" in documentation or name in WITHOUT_EXAMPLE, "no example"


def test_exceptions_from_the_rule_exist_and_are_needed():
    for name in WITHOUT_EXAMPLE:
        assert ">>>" not in (CALLABLES[name].__doc__ or ""), name


@pytest.mark.parametrize("path", [str(p.relative_to(PACKAGE)) for p in sorted(PACKAGE.rglob("*.py"))])
def test_a_module_is_named_by_a_noun(path):
    documentation = ast.get_docstring(ast.parse((PACKAGE / path).read_text())) or ""
    assert documentation, "no docstring"
    assert re.findall(r"\w+", documentation)[0].lower() not in NO_NOUNS
