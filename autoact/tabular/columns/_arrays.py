"""Arrays and data frames as estimators get them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoact.tabular.columns._columns import Numbers, labels_of
from autoact.tabular.columns._scale import Scale
from autoact.tabular.files import NUMBER_FORMS, Floats


@dataclass(frozen=True, slots=True)
class ArrayEncoding:
    """How the columns of a numeric array become inputs; it has `Encoding`'s interface.

    Example:
        >>> encoding = ArrayEncoding.of(np.array([[0.0], [1.0], [2.0], [np.nan]]), ["size"])
        >>> encoding.labels
        ('size', 'size is missing')
        >>> encoding.encode(np.array([[1.0], [np.nan]])).tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """

    encoders: tuple[Numbers, ...]

    @classmethod
    def of(cls, x: Floats, names: Sequence[str]) -> "ArrayEncoding":
        """Measure the columns of training rows."""
        form = next(iter(NUMBER_FORMS))
        return cls(
            tuple(
                Numbers(name, form, Scale.of(column), bool(np.isnan(column).any()))
                for name, column in zip(names, x.T, strict=True)
            )
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return labels_of(self.encoders)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Nothing: every column is an input, as it is."""
        return ()

    def encode(self, x: Floats) -> NDArray[np.float32]:
        """Return (rows, inputs)."""
        parts = [encoder.of(column) for encoder, column in zip(self.encoders, x.T, strict=True)]
        return np.concatenate(parts, axis=1).astype(np.float32)


def holds_text(x: Any) -> bool:
    """Tell whether a data frame or an array has cells that are no numbers.

    Example:
        >>> holds_text(np.array([[1, "red"]], dtype=object)), holds_text(np.eye(2))
        (True, False)
    """
    if _is_frame(x):
        return any(np.asarray(x[name]).dtype.kind not in "biuf" for name in x.columns)
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    return kind == "U" or (kind == "O" and any(isinstance(cell, str) for cell in np.asarray(x).flat))


def text_columns(x: Any) -> tuple[list[str], ...]:
    """Return the cells of a data frame or an array as text, by column; a missing one is empty."""
    if _is_frame(x):
        return tuple([_text(cell) for cell in np.asarray(x[name], dtype=object)] for name in x.columns)
    return tuple([_text(cell) for cell in column] for column in np.asarray(x, dtype=object).T)


def _is_frame(x: Any) -> bool:
    return hasattr(x, "columns") and hasattr(x, "dtypes")


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    return str(cell).strip()  # pandas' NA and NaT say so, and count as missing
