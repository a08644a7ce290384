"""Columns as plain types, to be kept as JSON: what an encoder has measured, every number exact."""

from collections.abc import Mapping
from typing import Any

from autoact.records import plain, typed
from autoact.tabular.columns._columns import Categories, Dates, Encoder, Numbers

_KINDS: dict[str, type[Any]] = {"numbers": Numbers, "dates": Dates, "categories": Categories}


def to_plain(encoder: Encoder) -> dict[str, Any]:
    """Return an encoder as plain types.

    Args:
        encoder: Of one column.

    Example:
        >>> to_plain(Categories("color", ("red", "blue"), True))
        {'kind': 'categories', 'name': 'color', 'levels': ['red', 'blue'], 'others': True}
    """
    kind = next(name for name, each in _KINDS.items() if isinstance(encoder, each))
    return {"kind": kind, **plain(encoder)}


def from_plain(data: Mapping[str, Any]) -> Encoder:
    """Return the encoder that plain types describe.

    Args:
        data: What `to_plain` returned.

    Raises:
        ValueError: They describe none; names the place.

    Example:
        >>> from_plain({"kind": "categories", "name": "color", "levels": ["red"], "others": False}).labels
        ('color=red',)
    """
    kind = _KINDS.get(str(data.get("kind")))
    if kind is None:
        raise ValueError(f"a column is of kind {data.get('kind')!r}; there are {', '.join(_KINDS)}")
    encoder: Encoder = typed(kind, data)
    return encoder
