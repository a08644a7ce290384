"""Predictor: the trained model of a table's run, for rows that have no target yet."""

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from autoact.errors import ConfigurationError, DataError, RunDirectoryError, log
from autoact.records import RunDirectory, require_unchanged, sealed
from autoact.search import load_run
from autoact.spaces.files import write_text
from autoact.tabular._new_rows import columns_for, encode
from autoact.tabular._table_task import TableTask
from autoact.tabular.columns import Encoder, from_plain, text_columns, to_plain
from autoact.tabular.files import Table, read_table
from autoact.training import load_weights
from autoact.training.tasks import Perceptron

_SCHEMA = 1
_BATCH = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a model says of rows.

    Attributes:
        target: Name of the predicted column.
        values: The most probable class (text) or the number (float32) of each row.
        classes: The classes, sorted; empty for a regression.
        probabilities: Of each class, (rows, classes) float32; None for a regression.
        notes: What in the rows is not as in training, one line each.

    Example:
        >>> print(Predictions(target="price", values=np.float32([1.5, 2])).to_csv(), end="")
        price
        1.5
        2.0
    """

    target: str
    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    probabilities: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()

    def to_csv(self) -> str:
        """Return them as CSV with a header, a line per row; numbers have all of their digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([self.target, *(f"probability {name}" for name in self.classes)])
        shares: Any = [()] * len(self.values) if self.probabilities is None else self.probabilities
        writer.writerows([value, *row] for value, row in zip(self.values, shares, strict=True))
        return text.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePredictor:
    """A trained model with what makes its inputs of the columns of a table.

    Attributes:
        encoders: How columns become inputs, in the order of the model.
        target: Name of the predicted column.
        classes: Its classes, sorted; empty for a regression.
        names: Names of all columns of the table that it learned from.
        header: Whether these stood in the file.
        model: The trained model, in evaluation mode.

    Example:
        >>> load_predictor("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday does not exist, so there is no run...
    """

    encoders: tuple[Encoder, ...]
    target: str
    classes: tuple[str, ...]
    names: tuple[str, ...]
    header: bool
    model: Perceptron

    def predictions(self, rows: Any) -> Predictions:
        """Return everything that the model says of rows.

        Args:
            rows: Path of a CSV file, a `Table`, or a data frame; columns are found by name, others are left
                alone, the target may be missing.

        Raises:
            DataError: A column is missing, or holds something else than in training.
        """
        table = self._table(rows)
        x, notes = encode(self.encoders, columns_for(table, self.encoders, self.names, self.target), table)
        with torch.inference_mode():
            said = torch.cat([self.model(part) for part in torch.from_numpy(x).split(_BATCH)])
        if not self.classes:
            return Predictions(target=self.target, values=said.numpy(), notes=notes)
        return Predictions(
            target=self.target,
            values=np.array(self.classes, dtype=object)[said.argmax(1).numpy()],
            classes=self.classes,
            probabilities=said.softmax(1).numpy(),
            notes=notes,
        )

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the most probable class, or the number, of each row; strange cells are warned of.

        Args:
            rows: As in `predictions`.
        """
        return self._warned(rows).values

    def predict_proba(self, rows: Any) -> NDArray[np.float32]:
        """Return the probability of each class, (rows, classes).

        Args:
            rows: As in `predictions`.

        Raises:
            ConfigurationError: The target is a number.
        """
        if not self.classes:
            raise ConfigurationError(f"{self.target!r} is a number, which has no classes; use predict.")
        found = self._warned(rows).probabilities
        assert found is not None, "there are classes"
        return found

    def _warned(self, rows: Any) -> Predictions:
        found = self.predictions(rows)
        for note in found.notes:
            log.warning("%s", note)
        return found

    def _table(self, rows: Any) -> Table:
        if isinstance(rows, str | os.PathLike):
            return read_table(rows, header=self.header)
        if isinstance(rows, Table):
            return rows
        if not hasattr(rows, "columns"):
            raise DataError(f"Rows come as a path of a CSV file or a data frame; got {type(rows).__name__}.")
        names = tuple(map(str, rows.columns))
        return Table(names=names, columns=text_columns(rows), source="the data frame")


def save_columns(task: TableTask, run: str | os.PathLike[str]) -> None:
    """Write columns.json of a run: what a predictor needs beside the weights.

    Args:
        task: The task that was searched.
        run: The run directory.

    Raises:
        RunDirectoryError: There is no run.

    Example:
        >>> save_columns(None, "runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday does not exist, so there is no run...
    """
    directory = RunDirectory.open(run)
    content = {
        "schema": _SCHEMA,
        "source": task.name,
        "header": task.header,
        "names": list(task.names),
        "target": task.target.name,
        "classes": list(task.target.classes),
        "columns": [to_plain(encoder) for _, encoder in task.encoding.encoders],
        "model": {"inputs": task.model.args[0], **task.model.keywords},
    }
    write_text(directory.columns_file, json.dumps(sealed(content), indent=1, allow_nan=False) + "\n")


def load_predictor(run: str | os.PathLike[str], *, chosen: bool = False) -> TablePredictor:
    """Return the trained model that a run of a table recommends, ready for new rows.

    No pickle is read: weights by `torch.load(weights_only=True)`, columns from JSON.

    Args:
        run: The run directory.
        chosen: Take what the search chose, even where the verdict recommends the original.

    Raises:
        RunDirectoryError: The run has not ended, is of no table, or its files are damaged.
        ConfigurationError: It keeps no trained model of that kind.

    Example:
        >>> load_predictor("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday does not exist, so there is no run...
    """
    result, directory = load_run(Path(run)), RunDirectory(Path(run))
    stored = _stored(directory)
    weights = directory.checkpoint_file if chosen else result.checkpoint
    if weights is None or not weights.is_file():
        other = not chosen and directory.checkpoint_file.is_file()
        instead = ", or take what it chose: --chosen (chosen=True)" if other else ""
        raise ConfigurationError(
            f"{run} keeps no trained model with the {'chosen' if chosen else 'recommended'} activations. "
            f"Search again{instead}."
        )
    model = result.model(result.assignment if chosen else None)
    load_weights(model, weights)
    return TablePredictor(model=model.eval(), **stored)


def _stored(directory: RunDirectory) -> dict[str, Any]:
    """Return what columns.json says beside the model."""
    file = directory.columns_file
    if not file.is_file() and "data" not in (directory.configuration().get("source") or {"data": None}):
        raise RunDirectoryError(f"{directory.path} is no run on a CSV file; predict is for `search --data`.")
    if not file.is_file():
        raise RunDirectoryError(
            f"{directory.path} has no columns.json, which a search of a CSV file writes at its end: "
            f"{directory.resumption()} writes it, or in Python autoact.tabular.save_columns(task, run)."
        )
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        require_unchanged(data)
        if data["schema"] != _SCHEMA:
            raise ValueError(f"schema is {data['schema']!r}; this version of autoact reads {_SCHEMA}")
        return {
            "encoders": tuple(map(from_plain, data["columns"])),
            "target": str(data["target"]),
            "classes": tuple(map(str, data["classes"])),
            "names": tuple(map(str, data["names"])),
            "header": bool(data["header"]),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunDirectoryError(f"{file} cannot be read: {error!r}. Restore it from a copy.") from error
