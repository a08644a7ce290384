"""JSON of a record: dataclasses to plain types and back, with the place of what does not fit."""

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isfinite, nan
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from zlib import crc32

from autoact.errors import UnknownActivationError
from autoact.spaces import Assignment, Choice

_CHECKSUM = "checksum"  # key of a record in a file


def finite(value: float | None) -> float | None:
    """Return the value, or None when it is not finite (JSON has no NaN).

    Args:
        value: Any number, or None.

    Example:
        >>> finite(float("nan")) is None
        True
    """
    return value if value is not None and isfinite(value) else None


def printable(text: str) -> str:
    r"""Return a text that every terminal, file and figure takes: halves of characters and controls by number.

    Args:
        text: Such as the message of an error that a library raised.

    Example:
        >>> printable("half \ud800, escape \x1b")
        'half \\ud800, escape \\x1b'
    """
    whole = text.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", whole)


def plain(value: Any) -> Any:
    """Return a record as plain types; what is not finite becomes None, an assignment its layers.

    Args:
        value: A dataclass, an `Assignment`, or mappings and lists of these and of what JSON knows.

    Example:
        >>> plain({"layers": Assignment({"a": "relu"}), "values": (1.0, nan)})
        {'layers': {'a': {'activation': 'relu', 'parameters': {}}}, 'values': [1.0, None]}
    """
    if isinstance(value, Assignment):
        return value.to_dict()["layers"]
    if is_dataclass(value):
        said = getattr(value, "SAID", ())  # properties that are written, too
        return {name: plain(getattr(value, name)) for name in (*(f.name for f in fields(value)), *said)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value


def sealed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain types with a checksum of them: a digit that a disk changed is a number as well.

    Args:
        data: What is written.

    Example:
        >>> data = sealed({"value": 0.25})
        >>> require_unchanged(data)
        >>> require_unchanged({**data, "value": 0.75})
        Traceback (most recent call last):
        ValueError: its content is not what was written: the checksum differs
    """
    return {**data, _CHECKSUM: _checksum(data)}


def require_unchanged(data: Mapping[str, Any]) -> None:
    """Refuse content that is not what was sealed; what has no checksum was written by hand.

    Args:
        data: What was read.

    Raises:
        ValueError: The checksum is another one.

    Example:
        >>> require_unchanged({"written": "by hand"})
    """
    if data.get(_CHECKSUM, _checksum(data)) != _checksum(data):
        raise ValueError("its content is not what was written: the checksum differs")


def _checksum(data: Mapping[str, Any]) -> str:
    content = {name: value for name, value in data.items() if name != _CHECKSUM}
    return f"{crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def typed(kind: Any, data: Any, place: str = "") -> Any:
    """Return plain types as a value of a type; the inverse of `plain`. Unknown keys are ignored.

    Args:
        kind: A dataclass, an `Assignment`, a number, a text, a literal, or tuples, mappings and options of
            these.
        data: What JSON holds.
        place: Keys that lead there; stands in the error.

    Raises:
        ValueError: The data have another form; names the place.

    Example:
        >>> typed(tuple[float, ...], [1, None])
        (1, nan)
        >>> typed(dict[str, int], {"a": "b"})
        Traceback (most recent call last):
        ValueError: a: expected int, got 'b'
    """
    if kind is Any:
        return data
    if get_origin(kind) in (UnionType, Union):
        first, *others = (each for each in get_args(kind) if each is not NoneType)
        if data is None and NoneType in get_args(kind):
            return None
        return typed(first, data, place) if not others or not isinstance(data, (first, *others)) else data
    if get_origin(kind) is not None:
        return _nested(kind, data, place)
    if kind is Assignment:
        return _assignment(data, place)
    if is_dataclass(kind):
        return _record(kind, _mapping(data, place), place)
    return _scalar(kind, data, place)


def _nested(kind: Any, data: Any, place: str) -> Any:
    inner = get_args(kind)
    if get_origin(kind) is Literal:
        if data not in inner:
            raise _unfit(place, " or ".join(map(repr, inner)), data)
        return data
    if get_origin(kind) is tuple:
        if not isinstance(data, list) or (inner[-1] is not ... and len(data) != len(inner)):
            raise _unfit(place, "a list" if inner[-1] is ... else f"{len(inner)} values", data)
        return tuple(typed(inner[0], item, f"{place}[{n}]") for n, item in enumerate(data))
    found = _mapping(data, place).items()
    return {printable(key): typed(inner[1], item, _inside(place, key)) for key, item in found}


def _record(kind: Any, data: Mapping[str, Any], place: str) -> Any:
    known: dict[str, Any] = {}
    for item in fields(kind):
        if item.name in data:
            known[item.name] = typed(_hints(kind)[item.name], data[item.name], _inside(place, item.name))
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{_inside(place, item.name)} is missing")
    return kind(**known)


def _assignment(data: Any, place: str) -> Assignment:
    try:
        return read_assignment(data)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _scalar(kind: Any, data: Any, place: str) -> Any:
    if kind is float and data is None:
        return nan
    allowed = (int, float) if kind is float else kind
    if not isinstance(data, allowed) or (isinstance(data, bool) and kind is not bool):
        raise _unfit(place, kind.__name__, data)
    return printable(data) if isinstance(data, str) else data


def _mapping(data: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise _unfit(place, "a mapping", data)
    return data


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _inside(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _unfit(place: str, expected: str, came: Any) -> ValueError:
    return ValueError(f"{place or 'the content'}: expected {expected}, got {came!r:.60}")


def read_assignment(layers: Mapping[str, Any]) -> Assignment:
    """Return the assignment of a record's layers.

    An activation of the user's own need not be registered where a run is only read: its choice has a name and
    values all the same, and says that it is unknown when it is applied.

    Args:
        layers: {layer path: {"activation", "parameters"}}.

    Raises:
        ValueError: Not of this form; names the layer.

    Example:
        >>> print(read_assignment({"net.1": {"activation": "my_own", "parameters": {"beta": 2.0}}}))
        net.1=my_own(beta=2)
    """
    if not isinstance(layers, Mapping):
        raise ValueError(f"expected a mapping of layers to activations, got {layers!r:.60}")
    return Assignment({str(path): _choice(str(path), content) for path, content in layers.items()})


def _choice(path: str, content: Any) -> Choice:
    try:
        return Choice.from_dict(content)
    except UnknownActivationError:
        return Choice.unregistered(str(content["activation"]), content.get("parameters"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"layer {path} has no activation: {error}") from error
