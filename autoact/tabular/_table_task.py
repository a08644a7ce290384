"""Task of a table: from a CSV file and the name of its target to what `run_search` takes."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from autoact.errors import DataError, counted, first_few
from autoact.records import Reference
from autoact.tabular._boosting import boosting
from autoact.tabular._leakage import dependent_rows, without_target
from autoact.tabular._related_rows import RelatedRows, read_related
from autoact.tabular._training_setup import loaders_for, model_for, trainer_for
from autoact.tabular.columns import Encoding, Target, fit_encoding, read_target
from autoact.tabular.files import Table, read_table
from autoact.tabular.splits import Indices, Split, split_rows
from autoact.training.tasks import Perceptron

_FEW = 100  # training rows, or groups of them, below which the reader is warned
_SHOWN = 12  # notes on columns


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
        related: What keeps rows together; None where each stands for itself.

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
    related: RelatedRows | None = None

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
    groups: str | None = None,
    time: str | None = None,
    hidden: Sequence[int] = (64, 64),
    seed: int = 0,
) -> TableTask:
    r"""Read a CSV file and make a task of it.

    Args:
        path: The file.
        target: Name of the column to predict, or its number from 1 (-1 is the last).
        problem: "classification" or "regression"; None decides by looking at the target.
        groups: Column that names groups of rows, such as patients, by name or number: rows of one group are
            never on both sides of a split, and groups are what the verdict counts. It is no input.
        time: Column of dates or numbers: the latest rows compare, those before guide the search, and the
            earliest train. It is no input. Neither: rows are divided one by one, by chance.
        hidden: Units per hidden layer of the model.
        seed: Decides which rows train, guide and compare.

    Returns:
        The task.

    Raises:
        DataError: The file is no table, has no such column, nothing can be learned from it, or its groups or
            times are too few, missing, or cannot be sorted.
        ConfigurationError: `groups` or `time` is the target, or both are given.

    Example:
        >>> import math, pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "sine.csv"
        >>> _ = file.write_text("x,y\n" + "".join(f"{i / 9},{math.sin(i / 9)}\n" for i in range(60)))
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
    related = read_related(table, place, wanted, groups=groups, time=time)
    if related is None:
        split = split_rows(wanted.y, classes=bool(wanted.classes), seed=seed)
    else:
        split = related.split(wanted, seed, table.source)
    inputs = without_target(table, place, wanted, () if related is None else (related.place,))
    encoding = fit_encoding(inputs.names, inputs.rows(split.train), table.source, comma=table.comma)
    dependent = dependent_rows(inputs, wanted, encoding, related)
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
        notes=(
            *notes,
            *_shortened(encoding.remarks),
            *_dividing(split, related),
            *_unknown_classes(split, wanted),
            *dependent,
        ),
        names=table.names,
        header=table.header,
        related=related,
    )


def _headline(table: Table, target: Target, encoding: Encoding) -> str:
    used = len({place for place, _ in encoding.encoders})
    kind = f"{len(target.classes)} classes" if target.classes else "regression"
    return (
        f"{Path(table.source).name}: {counted(len(table), 'row')}, {kind} of {target.name!r} on "
        f"{counted(len(encoding.labels), 'input')} from {used} of {counted(len(table.names) - 1, 'column')}"
    )


def _shortened(remarks: Sequence[str]) -> list[str]:
    more = [f"and {len(remarks) - _SHOWN} notes more"] if len(remarks) > _SHOWN else []
    return [*remarks[:_SHOWN], *more]


def _unknown_classes(split: Split, target: Target) -> list[str]:
    """Return a note on classes that no training row has."""
    known = set(target.y[split.train].tolist())
    unknown = [repr(name) for place, name in enumerate(target.classes) if place not in known]
    if not unknown:
        return []
    return [f"no row that trains is of {first_few(unknown, _SHOWN)}: the model cannot say so of any other"]


def _dividing(split: Split, related: RelatedRows | None) -> tuple[str, ...]:
    """Return notes on what is divided how."""

    def told(rows: Indices) -> str:
        return counted(len(rows), "row") + ("" if related is None else f" of {related.told(rows)}")

    if split.folds > 1:
        how = f"{split.folds} folds of {told(split.train)} guide the search"
    else:
        how = f"{told(split.train)} train, {told(split.selection)} guide the search"
    how += f"; {told(split.comparison)} set aside compare"
    by_groups = related is not None and related.kind == "groups"
    units = related.count(split.train) if related is not None and by_groups else len(split.train)
    few = (
        f"; so few {'groups' if by_groups else 'rows'} can only show large differences"
        if units < _FEW
        else ""
    )
    if related is None:
        return (f"{how}{few}",)
    keeps = "rows of one {!r} stay together" if by_groups else "rows are divided by {!r}, later ones judge"
    return (*related.notes, f"{keeps.format(related.column)}: {how}{few}")


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
