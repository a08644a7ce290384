"""Table of a table's columns: how each was read, and what the model gets from it."""

from typing import Any

from autoact.errors import first_few
from autoact.tabular._table_task import TableTask
from autoact.tabular.columns import Categories, Dates, Encoder, Numbers
from autoact.tabular.files import NUMBER_FORMS

_SHOWN = 6  # categories in a row


def column_rows(task: TableTask) -> list[dict[str, Any]]:
    r"""Return a row per column, in the order of the file: name, how it was read, how many inputs, remarks.

    Args:
        task: The table as a task.

    Example:
        >>> import pathlib, tempfile
        >>> from autoact.tabular import load_task
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "line.csv"
        >>> _ = file.write_text("x,y\n" + "".join(f"{i / 9},{i / 7}\n" for i in range(60)))
        >>> [(row["column"], row["read as"]) for row in column_rows(load_task(file, "y"))]
        [('x', 'numbers'), ('y', 'target')]
    """
    target, encoding = task.target, task.encoding
    classes = f"{len(target.classes)} classes: {first_few(target.classes, _SHOWN)}"
    kind = classes if target.classes else "a number"
    rows = {encoder.name: _read(encoder) for _, encoder in encoding.encoders}
    rows |= {out.name: ("left out", 0, out.reason) for out in encoding.left_out}
    found = []
    for place, name in enumerate(task.names, 1):
        if target.name in (name, f"column {place}"):
            row = ("target", 0, kind)
        elif task.related is not None and task.related.place == place - 1:
            row = (task.related.kind, 0, task.related.told())
        else:
            row = rows.get(name, ("left out", 0, "equals the target"))
        found.append(dict(zip(("column", "read as", "inputs", "what"), (name, *row), strict=True)))
    return found


def describe_columns(task: TableTask) -> str:
    r"""Return the same as lines for a terminal.

    Args:
        task: The table as a task.

    Example:
        >>> import pathlib, tempfile
        >>> from autoact.tabular import load_task
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "line.csv"
        >>> _ = file.write_text("x,y\n" + "".join(f"{i / 9},{i / 7}\n" for i in range(60)))
        >>> print(describe_columns(load_task(file, "y")))
        column  read as  inputs
        x       numbers       1  median 3.333
        y       target        0  a number
    """
    rows = [("column", "read as", "inputs", "")]
    rows += [tuple(str(value) for value in row.values()) for row in column_rows(task)]  # type: ignore[misc]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {inputs:>{widths[2]}}  {what}".rstrip()
        for name, kind, inputs, what in rows
    )


def _read(encoder: Encoder) -> tuple[str, int, str]:
    inputs = len(encoder.labels)
    if isinstance(encoder, Categories):
        rest = "; all others together" if encoder.others else ""
        return "categories", inputs, f"{len(encoder.levels)}: {first_few(encoder.levels, _SHOWN)}{rest}"
    if isinstance(encoder, Dates):
        cycles = f"; place in the {', '.join(encoder.cycles)}" if encoder.cycles else ""
        return "dates", inputs, f"{encoder.form}{cycles}"
    assert isinstance(encoder, Numbers), "there are no others"
    form = "" if encoder.form == next(iter(NUMBER_FORMS)) else f"{encoder.form}; "
    told = "; missing is told beside" if encoder.tells_missing else ""
    return "numbers", inputs, f"{form}median {encoder.scale.center:.4g}{told}"
