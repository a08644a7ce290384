"""Task of a table: from a CSV file and the name of its target to what `run_search` takes."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from autoact.errors import DataError, counted
from autoact.records import Reference
from autoact.tabular._boosting import boosting
from autoact.tabular._splits import Split, split_rows
from autoact.tabular._training_setup import loaders_for, model_for, trainer_for
from autoact.tabular.columns import Encoding, Target, fit_encoding, read_target
from autoact.tabular.files import Table, best_form, number_forms, read_table, values
from autoact.training.tasks import Perceptron

_FEW = 100  # training rows below which the reader is warned
_SHOWN = 8  # notes of one kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTask:
    r"""A table as a task: `run_search(task.model, task.data, **task.settings)`.

    Attributes:
        name: Name of the file.
        model: Makes a fresh `Perceptron`.
        data: Loaders of training, selection and comparison rows.
        encoding: How its columns become inputs.
        target: What is predicted.
        split: Which rows are for what.
        trainer: Arguments of `lightning.Trainer`.
        notes: What was found in the table, one line each.
        names: Of all columns of the table.
        header: Whether these stood in the file.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "line.csv"
        >>> _ = file.write_text("x,y\n" + "".join(f"{i / 9},{i / 7}\n" for i in range(60)))
        >>> load_task(file, "y").settings["monitor"]
        'val_loss'
    """

    name: str
    model: partial[Perceptron]
    data: tuple[DataLoader[Any], ...]
    encoding: Encoding
    target: Target
    split: Split
    trainer: Mapping[str, Any]
    notes: tuple[str, ...]
    names: tuple[str, ...] = ()
    header: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments of `run_search`."""
        settings = {"monitor": "val_loss", "mode": "min", "trainer": dict(self.trainer)}
        return {**settings, "reference": self.reference}

    def reference(self, metric: str) -> Reference:
        """Return what gradient boosting reaches on the comparison rows.

        Args:
            metric: `val_loss`, and `val_acc` (classes) or `val_mae`.
        """
        return boosting(self.data, len(self.target.classes), self.model.keywords.get("scale", 1.0), metric)


def load_task(
    path: str | os.PathLike[str],
    target: str,
    *,
    problem: str | None = None,
    hidden: Sequence[int] = (64, 64),
    seed: int = 0,
) -> TableTask:
    r"""Read a CSV file and make a task of it.

    Args:
        path: The file.
        target: Name of the column to predict, or its number from 1 (-1 is the last).
        problem: "classification" or "regression"; None decides by looking at the target.
        hidden: Units per hidden layer of the model.
        seed: Decides which rows train, guide and compare.

    Returns:
        The task.

    Raises:
        DataError: The file is no table, has no such column, or nothing can be learned from it.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "sine.csv"
        >>> _ = file.write_text("x,y\n" + "".join(f"{i / 9},{np.sin(i / 9)}\n" for i in range(60)))
        >>> task = load_task(file, "y")
        >>> print(task.notes[0])
        sine.csv: 60 rows, regression of 'y' on 1 input from 1 of 1 column
    """
    table = read_table(path, target)
    place = table.place(target)
    if len(table.names) == 1:
        raise DataError(
            f"{table.source} has one column only, {table.names[0]!r}; it needs others to predict it from. "
            "(Columns are found by comma, semicolon, tab, bar or blanks.)"
        )
    name = table.names[place] if table.header else f"column {place + 1}"
    wanted = read_target(name, table.columns[place], problem, table.source, comma=table.comma)
    split = split_rows(wanted.y, classes=wanted.problem == "classification", seed=seed)
    inputs = _without(table, place, wanted)
    encoding = fit_encoding(inputs.names, _rows_of(inputs, split.train), table.source, comma=table.comma)
    notes = (_headline(table, wanted, encoding), *table.notes, *wanted.notes, *inputs.notes)
    x = torch.from_numpy(encoding.encode(inputs.columns))
    return TableTask(
        name=Path(table.source).name,
        model=model_for(x.shape[1], wanted.y[split.train], len(wanted.classes), hidden, split.folds),
        data=loaders_for(x, wanted.y, split),
        encoding=encoding,
        target=wanted,
        split=split,
        trainer=trainer_for(len(split.train)),
        notes=(*notes, *_notes(encoding, split)),
        names=table.names,
        header=table.header,
    )


def _without(table: Table, place: int, target: Target) -> Table:
    """Return the rows that tell the target, without it and its copies."""
    notes, kept = [], []
    for other, cells in enumerate(table.columns):
        if other != place and list(cells) == list(table.columns[place]):
            notes.append(f"column {table.names[other]!r} is left out: it equals the target in every row")
        elif other != place:
            kept.append(other)
            if _tells(cells, target, table.comma):
                notes.append(
                    f"column {table.names[other]!r} alone tells the target in every row: leave it out of the "
                    "file unless it is known beforehand"
                )
    if not kept:
        raise DataError(f"{table.source} has no column to learn from: all others equal the target.")
    whole = replace(
        table, names=tuple(table.names[i] for i in kept), columns=tuple(table.columns[i] for i in kept)
    )
    return replace(whole, columns=_rows_of(whole, target.rows), notes=tuple(notes))


def _tells(cells: Sequence[str], target: Target, comma: bool) -> bool:
    """Tell whether a column is the target in other words: other names of the classes, or another unit."""
    rows = [cells[row] for row in target.rows.tolist()]
    if target.classes:
        pairs = set(zip(rows, target.y.tolist(), strict=True))
        return len(pairs) == len(set(rows)) == len(target.classes)
    forms = number_forms(rows, comma=comma)
    numbers = values(rows, forms[best_form(rows, forms)[0]])
    if not np.isfinite(numbers).all() or np.ptp(numbers) == 0 or numbers.size < 3:
        return False
    return bool(abs(np.corrcoef(numbers / np.abs(numbers).max(), target.y)[0, 1]) > 1 - 1e-10)


def _rows_of(table: Table, rows: NDArray[np.int64]) -> tuple[Sequence[str], ...]:
    places = rows.tolist()
    return tuple([cells[i] for i in places] for cells in table.columns)


def _headline(table: Table, target: Target, encoding: Encoding) -> str:
    used = len({place for place, _ in encoding.encoders})
    kind = f"{len(target.classes)} classes" if target.classes else "regression"
    return (
        f"{Path(table.source).name}: {counted(len(table), 'row')}, {kind} of {target.name!r} on "
        f"{counted(len(encoding.labels), 'input')} from {used} of {counted(len(table.names) - 1, 'column')}"
    )


def _notes(encoding: Encoding, split: Split) -> list[str]:
    notes = [f"column {out.name!r} is left out: {out.reason}" for out in encoding.left_out]
    notes = notes[:_SHOWN] + ([f"and {len(notes) - _SHOWN} columns more"] if len(notes) > _SHOWN else [])
    compared = counted(len(split.comparison), "row")
    if split.folds > 1:
        how = f"{split.folds} folds of {counted(len(split.train), 'row')} guide the search"
    else:
        how = f"{len(split.train):,} rows train, {len(split.selection):,} guide the search"
    few = "; so few rows can only show large differences" if len(split.train) < _FEW else ""
    return [*notes, *encoding.notes[:_SHOWN], f"{how}; {compared} set aside compare{few}"]


def fingerprint(path: str | os.PathLike[str]) -> str:
    """Return a text that changes whenever the file's content does.

    Args:
        path: Of the file.

    Returns:
        Hexadecimal SHA-256.

    Raises:
        OSError: The file cannot be read.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "table.csv"
        >>> _ = file.write_text("a,b")
        >>> fingerprint(file)[:8]
        '1eb7c54d'
    """
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
