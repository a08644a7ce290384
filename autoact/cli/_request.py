"""Request of a search: from the options of the command line to the arguments of `run_search`."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoact.errors import ConfigurationError

if TYPE_CHECKING:
    from autoact.search.outcome import TableSource
    from autoact.training.configuration import Configuration
    from autoact.training.tasks import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `run_search` needs: model, data, space, settings, what makes them again; the task of a table."""

    name: str
    model: Any
    data: Any
    space: Any
    settings: Mapping[str, Any]
    source: Mapping[str, Any]
    out: Path
    resume: bool = False
    notes: tuple[str, ...] = ()
    table: Any = None


def read_request(options: argparse.Namespace, instead: str = "") -> Request:
    """Return what the options ask for, checked; nothing is made yet.

    Args:
        options: Of the command line.
        instead: What to do where only Python can make the model of a run; a search is resumed there.
    """
    check_table(options)
    if options.resume:
        if options.out:
            raise ConfigurationError("--resume names the run directory; leave out --out.")
        return _resumed(Path(options.resume), options.accept_changes, instead)
    if options.accept_changes:
        raise ConfigurationError("--accept-changes belongs to --resume DIR; name the run directory, too.")
    if options.config:
        from autoact.training.configuration import load_configuration

        found = load_configuration(options.config, settings_in_files())
        return _of_configuration(found, _out(options, Path(options.config).stem))
    if options.task:
        from autoact.training.tasks import get_task

        return _of_task(get_task(options.task), _out(options, options.task))
    if options.data:
        return _of_data(options)
    raise ConfigurationError(
        "say what to search: --config FILE, --task digits, --data FILE.csv --target COLUMN, or --resume DIR."
    )


def settings_in_files() -> list[str]:
    """Return the settings that `search:` of a configuration may name; the trainer has a key of its own."""
    from autoact.search import Settings

    return [item.name for item in fields(Settings) if item.name != "trainer"]


def _out(options: argparse.Namespace, name: str) -> Path:
    """Return the run directory to make: the one given, else the first free one."""
    if options.out:
        return Path(options.out)
    number = 1
    while (path := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return path


def _of_task(task: "Task", out: Path) -> Request:
    from autoact.search.outcome import kept_source

    settings = {"monitor": task.monitor, "mode": task.mode, "trainer": dict(task.trainer), **task.search}
    return Request(
        name=task.name,
        model=task.model,
        data=task.data,
        space="default",
        settings=settings,
        source=kept_source(task),
        out=out,
    )


def check_table(options: argparse.Namespace) -> None:
    """Refuse a table without its target, and what belongs to a table without one.

    Args:
        options: Of the command line: `data`, `target`, `problem`; `groups` and `time` where it has them.
    """
    if options.data and options.target is None:
        raise ConfigurationError(
            "--data needs --target COLUMN: the name of the column to predict, or its number (-1: the last)."
        )
    beside = ["target", "problem", *(["groups", "time"] if hasattr(options, "groups") else [])]
    given = [f"--{name}" for name in beside if getattr(options, name) is not None]
    if given and not options.data:
        kept = " A run that is resumed keeps its own." if getattr(options, "resume", None) else ""
        belong = "belongs" if len(given) == 1 else "belong"
        raise ConfigurationError(
            f"{' and '.join(given)} {belong} to --data FILE.csv; name the file, too.{kept}"
        )


def _of_data(options: argparse.Namespace) -> Request:
    """Return what a CSV file asks for."""
    from autoact.search.outcome import TableSource, kept_source
    from autoact.tabular import fingerprint

    out = _out(options, Path(options.data).name.partition(".")[0] or "data")
    data = str(Path(options.data).absolute())
    source = TableSource(
        data=data,
        target=options.target,
        problem=options.problem,
        groups=options.groups,
        time=options.time,
    )
    request = _of_table(source, 0 if options.seed is None else options.seed, out)
    return replace(request, source=kept_source(replace(source, sha256=fingerprint(data))))


def _of_table(source: "TableSource", seed: int, out: Path) -> Request:
    from autoact.search.outcome import kept_source
    from autoact.tabular import load_task

    task = load_task(
        source.data,
        source.target,
        problem=source.problem,
        groups=source.groups,
        time=source.time,
        seed=max(seed, 0),
    )
    return Request(
        name=task.name,
        model=task.model,
        data=task.data,
        space="tabular",
        settings=task.settings,
        source=kept_source(source),
        out=out,
        notes=task.notes,
        table=task,
    )


def _of_unchanged_table(source: "TableSource", seed: int, out: Path, accept: bool, more: str) -> Request:
    from autoact.tabular import fingerprint

    found = fingerprint(source.data) if Path(source.data).is_file() else source.sha256
    if found != source.sha256 and not accept:
        raise ConfigurationError(
            f"{source.data} has changed since the run in {out} began. "
            f"Put the old file back, or start a new run{more}."
        )
    return _of_table(replace(source, sha256=found), seed, out)


def _of_configuration(found: "Configuration", out: Path) -> Request:
    from autoact.search.outcome import kept_source

    _check_settings(found)
    return Request(
        name=found.model.class_path.rpartition(".")[2],
        model=found.model,
        data=found.data,
        space=found.space,
        settings={**found.search, "trainer": found.trainer},
        source=kept_source(found),
        out=out,
    )


_JUDGED_WITH = {"monitor": ("mode",), "looks": ("seeds",), "like": ("monitor", "mode")}


def _check_settings(found: "Configuration") -> None:
    """Check each search setting by itself, so that the message can name its line."""
    from autoact.search import Settings

    _check_parameters(found)
    for key, value in sorted(found.search.items(), key=lambda item: item[0] != "mode"):
        beside = {name: found.search[name] for name in _JUDGED_WITH.get(key, ()) if name in found.search}
        try:
            Settings.of({"monitor": "val_loss", **beside, key: value})
        except ConfigurationError as error:
            raise found.document.error(("search", key), str(error)) from error


def _check_parameters(found: "Configuration") -> None:
    """Check each searched hyperparameter by itself, and that the model takes it."""
    from autoact.search.setup import Hyperparameters
    from autoact.search.trainings import own_values

    given = found.search.get("parameters")
    for name, value in given.items() if isinstance(given, Mapping) else ():
        try:
            own_values(found.model, Hyperparameters.of({name: value}))
        except ConfigurationError as error:
            message = str(error).removeprefix("parameters: ")
            raise found.document.error(("search", "parameters", name), message) from error


def _resumed(out: Path, accept_changes: bool, instead: str) -> Request:
    """Return what the run in a directory was asked to do."""
    from autoact.records import RunDirectory
    from autoact.search.outcome import TableSource, source_of
    from autoact.spaces import SearchSpace
    from autoact.training.configuration import Configuration
    from autoact.training.tasks import Task

    directory = RunDirectory.open(out)
    stored, source = directory.configuration(), source_of(directory)
    settings = dict(stored["search"])
    settings.pop("hours", None)  # those of an option are added to what the run has taken
    if isinstance(source, Task):
        request = _of_task(source, out)
    elif isinstance(source, TableSource):
        more = "" if instead else "; --accept-changes trains anew in this one"
        request = _of_unchanged_table(source, settings["seed"], out, accept_changes, more)
    elif isinstance(source, Configuration):
        with directory.naming():
            request = _of_configuration(source, out)
        settings |= {name: request.settings.get(name) for name in ("trainer", "sampler", "pruner")}
    else:
        remedy = instead or f"Resume it there: {directory.resumption()}."
        raise ConfigurationError(
            f"{out} was started from Python, as its config.yaml has it, so only Python makes its model. "
            f"{remedy}"
        )
    if request.table is not None:
        settings["reference"] = request.table.reference
    return replace(
        request,
        name=stored["task"],
        space=SearchSpace.from_dict(stored["space"], source=str(out / "config.yaml")),
        settings=settings,
        resume=True,
        notes=(),  # said when the run began
    )
