"""YAML files: read with line numbers, so that every complaint says where, and written whole or not at all.

`load` returns a `Document`: the plain data plus the line of every key and item. Two traps of plain YAML are
closed: a key given twice is an error, and `1e-3` is a number (YAML 1.1 reads it as text).
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autoact.errors import ConfigurationError, did_you_mean
from autoact.spaces.files._yaml_loader import LONGEST, Dumper, PlainLoader

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain data and the place where each piece of it was written.

    Args:
        data: Dictionaries, lists, strings, numbers.
        source: What to call the document in messages, usually its file name.
        lines: Line number (from 1) of each tuple of keys; empty for data that never was a file.
        root: Keys under which this document stands in a larger one; messages show them.
    """

    data: Any
    source: str
    lines: Mapping[Keys, int] = field(default_factory=dict)
    root: Keys = ()

    def line_of(self, keys: Keys) -> int | None:
        r"""Return the line of a key or item, or of the nearest thing around it.

        Example:
            >>> document = parse("layers:\n  - match: 'net.*'\n    share: layer\n", "space.yaml")
            >>> document.line_of(("layers", 0, "share"))
            3
        """
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys)

    def place(self, keys: Keys = ()) -> str:
        """Return "space.yaml, line 3, layers[0].share" (without a line where there is none)."""
        line = self.line_of(keys)
        shown = dotted((*self.root, *keys))
        parts = [self.source, *([f"line {line}"] if line else []), *([shown] if shown else [])]
        return ", ".join(parts)

    def error(self, keys: Keys, message: str) -> ConfigurationError:
        """Return the error to raise about one place of the document."""
        return ConfigurationError(f"{self.place(keys)}: {message}")

    def part(self, keys: Keys) -> "Document":
        r"""Return what stands under a tuple of keys as a document of its own that knows its lines.

        Example:
            >>> document = parse("space:\n  candidates: [relu]\n", "run.yaml")
            >>> document.part(("space",)).place(("candidates", 0))
            'run.yaml, line 2, space.candidates[0]'
        """
        lines = {own[len(keys) :]: line for own, line in self.lines.items() if own[: len(keys)] == keys}
        return Document(data=self.at(keys), source=self.source, lines=lines, root=(*self.root, *keys))

    def at(self, keys: Keys) -> Any:
        """Return the data under a tuple of keys."""
        found = self.data
        for key in keys:
            found = found[key]
        return found

    def mapping(self, keys: Keys, allowed: Iterable[str]) -> dict[str, Any]:
        """Return the mapping at a place after checking that it has only allowed keys.

        Raises:
            ConfigurationError: It is no mapping, or has an unknown key; names the line and the closest key.
        """
        found, names = self.at(keys), tuple(allowed)
        if not isinstance(found, Mapping):
            raise self.error(keys, f"expected a mapping with {', '.join(names)}; got {found!r:.60}.")
        for key in found:
            if key not in names:
                raise self.error(
                    (*keys, str(key)),
                    f"unknown key {key!r}; allowed: {', '.join(names)}.{did_you_mean(key, names)}",
                )
        return dict(found)

    def option(self, keys: Keys, allowed: Iterable[str]) -> str:
        """Return the text at a place after checking that it is one of the allowed values."""
        found, names = self.at(keys), tuple(allowed)
        if found not in names:
            raise self.error(keys, f"{found!r} is not one of {', '.join(names)}.{did_you_mean(found, names)}")
        return str(found)


def dotted(keys: Keys) -> str:
    """Return keys as one would write them: layers[0].match.

    Example:
        >>> dotted(("layers", 0, "match"))
        'layers[0].match'
    """
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def load(path: str | Path) -> Document:
    """Read a YAML file.

    Args:
        path: The file.

    Returns:
        Its data with the line of every key.

    Raises:
        ConfigurationError: The file cannot be read, is not YAML, gives a key twice, or is too long or nested
            too deeply to be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except FileNotFoundError as error:
        folder = Path(path).absolute().parent
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror}. Looked in {folder}; give the path of a YAML file."
        ) from error
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"Cannot read {path}: it is not UTF-8 text ({error.reason}).") from error
    return parse(text, str(path))


def parse(text: str, source: str) -> Document:
    """Read YAML text; `source` names it in messages."""
    lines: dict[Keys, int] = {}
    try:
        loader = PlainLoader(text)
        node = loader.get_single_node()
        _record(node, (), lines, source)
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        what = error.problem or error.context
        raise ConfigurationError(f"{source}{line}: not valid YAML: {what}.") from error
    except ConfigurationError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{source}: not valid YAML: {reason}.") from error
    return Document(data=data, source=source, lines=lines)


def _record(node: yaml.Node | None, keys: Keys, lines: dict[Keys, int], source: str) -> None:
    """Note the line of a node and of everything in it; an alias counts where it is written out."""
    if node is None:
        return
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _record(item, (*keys, index), lines, source)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below, line = (*keys, str(key.value)), key.start_mark.line + 1
            if below in lines:
                raise ConfigurationError(
                    f"{source}, line {line}: {dotted(below)} is given twice (first on line {lines[below]})."
                )
            lines[below] = line
            _record(value, below, lines, source)


VERSION = 1  # of search spaces and of assignments


def check_version(document: Document, kind: str) -> None:
    """Complain about a file of another version; one without a version is taken for version 1.

    Args:
        document: The file.
        kind: What it holds, for the message.

    Raises:
        ConfigurationError: Not a whole number, or a version that this autoact does not read.
    """
    given = document.data.get("version", VERSION)
    if isinstance(given, bool) or not isinstance(given, int):
        raise document.error(
            ("version",), f"the version of {kind} is a whole number; got {given!r}. Write version: {VERSION}."
        )
    if given != VERSION:
        raise document.error(
            ("version",), f"this autoact reads version {VERSION}; got {given}. {_remedy(given)}"
        )


def _remedy(given: int) -> str:
    if given > VERSION:
        return "The file was written for a newer one: update the clone that autoact is installed from."
    return f"Write version: {VERSION}."


def write_text(path: str | Path, text: str) -> None:
    """Write a text file through a temporary file beside it, so that no reader ever sees half of it.

    Args:
        path: Where; an existing file is replaced.
        text: The whole content.

    Raises:
        ConfigurationError: The place cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # of a process that was killed, or a link that leads elsewhere
        # half a character, as texts of errors may hold, is told by its number
        with open(temporary, "x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ConfigurationError(f"Cannot write {path}: {error.strerror or error}.") from error


def write_yaml(path: str | Path, data: Mapping[str, Any], *, ended: bool = False) -> None:
    """Write plain data as YAML, in its own order, whole or not at all.

    Args:
        path: Where; an existing file is replaced.
        data: The data.
        ended: Whether a last line says that the file is whole, for `is_ended`.
    """
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "default_flow_style": None}
    write_text(path, yaml.dump(dict(data), Dumper=Dumper, **options, explicit_end=ended))


def is_ended(path: str | Path) -> bool:
    """Tell whether a file has the last line that `write_yaml` was asked for: what was cut short has none."""
    return Path(path).read_bytes().rstrip().endswith(b"\n...")
