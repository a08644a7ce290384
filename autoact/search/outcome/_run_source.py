"""Source of a run: what config.yaml keeps of it, so that model and data can be made again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from autoact.errors import ConfigurationError
from autoact.records import RunDirectory
from autoact.training.configuration import Configuration, read_stored
from autoact.training.tasks import Task, get_task


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSource:
    """A CSV file that a run began with.

    Attributes:
        data: Its path.
        target: Name or number of the column to predict.
        problem: "classification" or "regression"; None decides by looking.
        groups: Column of groups of rows that stay together; None if rows count one by one.
        time: Column by which later rows judge earlier ones; None if there is none.
        sha256: Of its content; "" until it was read.
    """

    data: str
    target: str
    problem: str | None
    groups: str | None = None
    time: str | None = None
    sha256: str = ""


Source = Task | TableSource | Configuration


def kept_source(source: Source) -> dict[str, Any]:
    """Return what config.yaml keeps of a source, in plain types; `source_of` reads it."""
    if isinstance(source, Task):
        return {"task": source.name}
    return asdict(source) if isinstance(source, TableSource) else source.to_dict()


def source_of(directory: RunDirectory) -> Source | None:
    """Return what makes model and data of a run again; None where only the Python that began it does.

    Args:
        directory: Of the run.

    Raises:
        ConfigurationError: What it was asked cannot be made any more.
    """
    kept = directory.configuration().get("source") or {}
    with directory.naming():
        if "task" in kept:
            return get_task(kept["task"])
        if "data" in kept:
            return _table(kept, directory)
        if "configuration" in kept:
            return read_stored(kept, directory.path)
    return None


def _table(kept: Mapping[str, Any], directory: RunDirectory) -> TableSource:
    names = [item.name for item in fields(TableSource)]
    later = {"groups", "time"}  # runs of earlier versions have neither
    if not {*names} - later <= {*kept} <= {*names}:
        raise ConfigurationError(
            f"{directory.configuration_file}, source: expected {', '.join(names)}; got {dict(kept)!r:.60}. "
            "Restore the file from a copy."
        )
    return TableSource(**kept)
