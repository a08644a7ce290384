"""Earlier choices: what other runs chose, which a search tries first."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from autoact.errors import ConfigurationError
from autoact.records import RunDirectory
from autoact.search.setup._variables import Variables
from autoact.spaces import Assignment

Like = Sequence[str | PathLike[str] | Assignment | Mapping[str, Any]]


def earlier_choices(given: Any, mode: str) -> tuple[Assignment, ...] | None:
    """Return the assignments that a search is to try first, named for where they come from; None for none.

    Args:
        given: Run directories, files of assignments, assignments, or those as plain data.
        mode: Which value the search finds better, "min" or "max".

    Raises:
        ConfigurationError: There is no choice, or it was made for another direction.
    """
    if isinstance(given, str | PathLike | Assignment | Mapping):
        given = [given]
    return tuple(_choice(each, mode) for each in given or ()) or None


def _choice(given: Any, mode: str) -> Assignment:
    if isinstance(given, Assignment):
        return given if given.name else Assignment(given, name="given")
    if isinstance(given, Mapping):
        return Assignment.from_dict(given, source="like")
    if not isinstance(given, str | PathLike):
        raise ConfigurationError(
            f"like holds {given!r}; it must list run directories, files of assignments, or assignments."
        )
    path = Path(given)
    found = _of_run(path, mode) if path.is_dir() else path
    if not found.is_file():
        raise ConfigurationError(
            f"like is {str(path)!r}, which is neither a run directory nor the file of an assignment."
        )
    return Assignment(Assignment.load(found), name=str(path))


def _of_run(path: Path, mode: str) -> Path:
    """Return the file with the choice of a run that had the same direction."""
    run = RunDirectory(path)
    if not run.configuration_file.is_file():
        raise ConfigurationError(f"like is {str(path)!r}, which is no run directory: it has no config.yaml.")
    before = run.configuration()["search"]
    if before["mode"] != mode:
        raise ConfigurationError(
            f"like is {str(path)!r}, whose {before['monitor']} is better if it is {_better(before['mode'])}, "
            f"but here {_better(mode)} is better. Name a run of the same direction, or its assignment.yaml."
        )
    if not run.assignment_file.is_file():
        raise ConfigurationError(
            f"like is {str(path)!r}, which has chosen nothing yet (no assignment.yaml). Let it end first."
        )
    return run.assignment_file


def _better(mode: str) -> str:
    return "smaller" if mode == "min" else "larger"


def tried_first(variables: Variables, like: Sequence[Assignment] | None) -> Iterator[str]:
    """Yield what a search takes from each earlier choice.

    Raises:
        ConfigurationError: Nothing: no layer is of a kind that it names, or has its part as candidate.
    """
    for earlier in like or ():
        taken, others = variables.moved(earlier)
        kept = f"; not a candidate at {', '.join(others)}" if others else ""
        yield f"like {earlier.name}: the search tries {taken} first{kept}"
