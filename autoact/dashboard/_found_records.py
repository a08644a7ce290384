"""Records of runs below a log directory: found, read and brought into the form that widgets draw."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

NAME = "autoact.jsonl"
VERSION = 1
MOST_RECORDS, MOST_FOLDERS = 2_000, 50_000
MOST_BYTES = 80 * 2**20  # writers stop at 64 MB

Line = Mapping[str, Any]


def find_records(root: str | Path) -> dict[str, Path]:
    """Return the records below a folder, by the name that TensorBoard gives their run.

    Args:
        root: The log directory. Links below it are not followed.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "version_0").mkdir()
        >>> _ = (folder / "version_0" / NAME).write_text("{}")
        >>> list(find_records(folder))
        ['version_0']
    """
    found: dict[str, Path] = {}
    for count, (folder, folders, files) in enumerate(os.walk(root)):
        if count >= MOST_FOLDERS or len(found) >= MOST_RECORDS:
            break
        folders.sort()
        path = Path(folder) / NAME
        if NAME in files and stat.S_ISREG(path.lstat().st_mode):
            found[path.parent.relative_to(root).as_posix()] = path
    return found


def read_record(path: str | Path) -> dict[str, Any]:
    """Return what a record says, for widgets: {"kind": "layers" | "search", ...}.

    Of layers: `layers`, `steps` (S,), `weights` (S, layers, candidates), and `quantities`, each (S, layers).
    Of a search: what its first line says, `trainings`, `result` (None before its end), `wall`, its seconds,
    and `last`, when a training ended last (Unix time; None if none did).

    Args:
        path: The file.

    Raises:
        ValueError: It is too large, of another version, or no record.
        OSError: It cannot be read.
    """
    head, lines = _parsed(path)
    return _search(head, lines) if head["kind"] == "search" else _layers(head, lines)


def layer_of(path: str | Path, place: int) -> dict[str, Any]:
    """Return what the record of a training says of one layer: its functions by step, and its parameters.

    Args:
        path: The file.
        place: Of the layer in `layers`.

    Raises:
        ValueError: There is no such layer, or the file is no record.
        OSError: It cannot be read.
    """
    head, lines = _parsed(path)
    if head["kind"] != "layers" or not 0 <= place < len(head["layers"]):
        raise ValueError(f"there is no layer {place}")
    looks = _states(lines, "weights")
    names = dict.fromkeys(name for look in looks for name in look["parameters"][place])
    return {
        "functions": [
            {"step": line["step"], **line["functions"][place]} for line in _states(lines, "functions")
        ],
        "parameters": {name: [look["parameters"][place].get(name) for look in looks] for name in names},
    }


def _parsed(path: str | Path) -> tuple[Line, list[Line]]:
    """Return head and lines of a record: a later head of other layers begins anew."""
    known = os.stat(path)
    if known.st_size > MOST_BYTES:
        raise ValueError(f"{path} is larger than {MOST_BYTES // 2**20} MB")
    return _read(str(path), known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=4)
def _read(path: str, changed: int, size: int) -> tuple[Line, list[Line]]:
    head: Line | None = None
    lines: list[Line] = []
    for line in _lines(path):
        if "autoact" not in line:
            lines.append(line)
            continue
        if line["autoact"] != VERSION or line.get("kind") not in ("layers", "search"):
            raise ValueError(f"{path} is of version {line['autoact']!r}; this autoact reads {VERSION}")
        if head is None or head.get("layers") != line.get("layers"):
            lines = []
        head = line
        lines.append(line)
    if head is None:
        raise ValueError(f"{path} is no record of autoact")
    return head, lines


def _lines(path: str) -> Iterator[Line]:
    with open(path, "rb") as file:
        for text in file:
            try:
                line = json.loads(text, parse_constant=lambda _: None)
            except ValueError:  # torn by a kill, or being written now
                continue
            if isinstance(line, dict):
                yield line


def _states(lines: list[Line], key: str) -> list[Line]:
    """Return the lines with a key, one for each step, in order: the last that was written."""
    found = {line["step"]: line for line in lines if key in line}
    return [found[step] for step in sorted(found)]


def _layers(head: Line, lines: list[Line]) -> dict[str, Any]:
    looks = _states(lines, "weights")
    own = {"step", "weights", "parameters"}
    names = dict.fromkeys(name for look in looks for name in look if name not in own)
    nothing = [None] * len(head["layers"])
    return {
        "kind": "layers",
        "total": head.get("steps"),
        "layers": head["layers"],
        "steps": [look["step"] for look in looks],
        "weights": [look["weights"] for look in looks],
        "quantities": {name: [look.get(name, nothing) for look in looks] for name in names},
    }


def _search(head: Line, lines: list[Line]) -> dict[str, Any]:
    results = [line["result"] for line in lines if "result" in line]
    trainings = [line["training"] for line in lines if "training" in line]
    known = {key: value for key, value in head.items() if key not in ("autoact", "began")}
    result = results[-1] if results and results[-1].get("trainings") == len(trainings) else None
    last = max((line["time"] for line in lines if "training" in line and "time" in line), default=None)
    return {**known, "trainings": trainings, "result": result, "wall": _wall(lines), "last": last}


def _wall(lines: list[Line]) -> float:
    """Return the seconds between beginning and last line of each process that worked on a run."""
    seconds, began, last = 0.0, None, 0.0
    for line in lines:
        if "began" in line:
            seconds += max(last - began, 0.0) if began is not None else 0.0
            began = last = float(line["began"])
        last = float(line.get("time", last))
    return seconds + (max(last - began, 0.0) if began is not None else 0.0)
