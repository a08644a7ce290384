"""API pages: write docs/api/ from `__all__`, signatures and docstrings.

python scripts/build_api.py [--out docs/api]
"""

import argparse
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = (
    "autoact",
    "autoact.nn",
    "autoact.analysis",
    "autoact.geometry",
    "autoact.kernels",
    "autoact.training",
    "autoact.search",
    "autoact.spaces",
    "autoact.conversion",
    "autoact.integrations",
    "autoact.invention",
    "autoact.ranking",
    "autoact.play",
    "autoact.tabular",
)
OUT = Path(__file__).parent.parent / "docs" / "api"
_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|Reference|Note):\s*$", re.M)
_ENTRY = re.compile(r"^    (\*{0,2}\w+)(?: \([^)]*\))?:\s+(.*(?:\n {5,}.*|\n(?=\s*\n {5,}))*)", re.M)
_SENTENCE = re.compile(r".*?(?<!e\.g)(?<!i\.e)\.(?=\s|$)", re.S)
_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
_TORCH_ASKS = {"extra_repr", "get_extra_state", "set_extra_state"}


def main() -> None:
    """Write every page and remove pages of modules that are gone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=OUT)
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in set(folder.glob("*.md")) - {folder / name for name in made}:
        old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of every page by file name, the index among them."""
    made = {file_of(name): page(import_module(name)) for name in MODULES}
    lines = [f"- [`{name}`]({file_of(name)}): {first_sentence(import_module(name))}" for name in MODULES]
    made["README.md"] = "\n".join([f"# API\n\n{_origin()}\n", *lines]) + "\n"
    return made


def file_of(module: str) -> str:
    """Return the file name of a module's page: search.md for autoact.search."""
    return f"{module.removeprefix('autoact.')}.md"


def page(module: ModuleType) -> str:
    """Return the page of one module: every name of `__all__`, in that order."""
    parts = [f"# {module.__name__}", first_sentence(module), _origin()]
    parts += [part for name in module.__all__ for part in entry(module, name)]
    return "\n\n".join(part for part in parts if part) + "\n"


def entry(module: ModuleType, name: str) -> Iterator[str]:
    """Yield the paragraphs about one public name."""
    found = getattr(module, name)
    yield f"## {name}"
    if inspect.ismodule(found):
        inner = found.__name__
        shown = f"[`{inner}`]({file_of(inner)})" if inner in MODULES else f"`{inner}`"
        yield f"{shown}: {first_sentence(found)}"
        return
    if not (inspect.isclass(found) or callable(found)):
        yield f"`{_annotation(type(found))}`"
        return
    yield f"```text\n{signature(name, found)}\n```"
    yield first_sentence(found)
    yield arguments(found)
    if inspect.isclass(found):
        yield members(found)


def signature(name: str, found: Any) -> str:
    """Return `name(arguments) -> result`, an argument a line where one line is too long."""
    try:
        given = inspect.signature(found)
    except (TypeError, ValueError):
        return name
    shown = [_parameter(p) for p in _with_markers(given)]
    returned = given.return_annotation
    result = "" if inspect.isclass(found) or returned is given.empty else f" -> {_annotation(returned)}"
    line = f"{name}({', '.join(shown)}){result}"
    return line if len(line) <= 100 else "\n".join([f"{name}(", *(f"    {p}," for p in shown), f"){result}"])


def _with_markers(given: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    kinds = inspect.Parameter
    starred = False
    for parameter in given.parameters.values():
        if parameter.kind is kinds.KEYWORD_ONLY and not starred:
            yield "*"
        starred = starred or parameter.kind in (kinds.VAR_POSITIONAL, kinds.KEYWORD_ONLY)
        yield parameter


def _parameter(parameter: inspect.Parameter | str) -> str:
    if isinstance(parameter, str):
        return parameter
    text = _bare(parameter)
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        text += f" = {_default(parameter.default)}"
    return text


def _annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])", "", text)


def _default(value: Any) -> str:
    if inspect.isclass(value) or inspect.isroutine(value):
        return str(value.__name__)
    text = repr(value)
    if text.startswith("<"):  # a default made anew for each call has no value to show
        return "..."
    return text if len(text) <= 60 else f"{type(value).__name__}(...)"


def first_sentence(found: Any) -> str:
    """Return the first sentence of a docstring of its own, on one line; empty if there is none."""
    text = _doc(found)
    match = _SENTENCE.match(text)
    return " ".join((match.group() if match else text.partition("\n\n")[0]).split())


def arguments(found: Any) -> str:
    """Return the section Args (Attributes for records) as a table; empty if there is none."""
    sections = _sections(_doc(found))
    text = sections.get("Args") or sections.get("Attributes") or ""
    rows = [(name, " ".join(meaning.split())) for name, meaning in _ENTRY.findall(text)]
    if not rows:
        return ""
    lines = [f"| `{name}` | {_cell(meaning)} |" for name, meaning in rows]
    return "\n".join(["| argument | meaning |", "|---|---|", *lines])


def members(cls: type) -> str:
    """Return a list of the public methods and properties that a class itself documents."""
    lines = []
    for name, member in sorted(_own(cls).items()):
        about = first_sentence(member)
        if not name.startswith("_") and name not in _TORCH_ASKS and about:
            lines.append(f"- `{_member(name, member)}`: {about}")
    return "\n".join(lines)


def _own(cls: type) -> dict[str, Any]:
    ours = [base for base in reversed(cls.__mro__) if base.__module__.split(".")[0] == "autoact"]
    found = {name: member for base in ours for name, member in vars(base).items()}
    return {
        name: member.__func__ if isinstance(member, classmethod | staticmethod) else member
        for name, member in found.items()
        if isinstance(member, classmethod | staticmethod | property) or inspect.isfunction(member)
    }


def _member(name: str, member: Any) -> str:
    if isinstance(member, property):
        return name
    names = [_bare(p) for p in inspect.signature(member).parameters.values() if p.name not in ("self", "cls")]
    return f"{name}({', '.join(names)})"


def _bare(parameter: inspect.Parameter) -> str:
    return _STARS.get(parameter.kind, "") + parameter.name


def _sections(text: str) -> dict[str, str]:
    pieces = _SECTION.split(text)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _doc(found: Any) -> str:
    own = found.__dict__.get("__doc__") if inspect.isclass(found) else getattr(found, "__doc__", None)
    if not own or own.startswith(f"{getattr(found, '__name__', '')}("):  # a dataclass writes its signature
        return ""
    return inspect.cleandoc(own)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _origin() -> str:
    return "Written by `python scripts/build_api.py` from the docstrings; nothing here is typed by hand."


if __name__ == "__main__":
    main()
