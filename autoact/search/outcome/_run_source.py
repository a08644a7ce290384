"""Source of a run: what config.yaml keeps of it, so that model and data can be made again."""

from dataclasses import dataclass

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
        sha256: Of its content; "" until it was read.
    """

    data: str
    target: str
    problem: str | None
    sha256: str = ""


def source_of(directory: RunDirectory) -> Task | TableSource | Configuration | None:
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
            return TableSource(**kept)
        if "configuration" in kept:
            return read_stored(kept, directory.path)
    return None
