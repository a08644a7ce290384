"""The whole search: check, announce, search, choose, confirm, report; resumable at every point."""

import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from autoact.errors import ConfigurationError
from autoact.search.completion import Completion
from autoact.search.configuration import configuration, require_same
from autoact.search.deciding import seconds_to_decide
from autoact.search.ledger import Ledger
from autoact.search.objective import OBJECTIVE, Layers, Objective, ObjectiveTask, probe_objective
from autoact.search.outcome import SearchResult
from autoact.search.preparation import prepare, prepare_objective
from autoact.search.probe import Probe, probe
from autoact.search.run_directory import RunDirectory
from autoact.search.rungs import Rungs
from autoact.search.seeds import seeds_for
from autoact.search.settings import DEFAULT_SELECTION_SEEDS, Settings
from autoact.search.study import check_storage, quiet_optuna
from autoact.search.task import Task
from autoact.search.verdict import Mode
from autoact.search.workers import threads_as_in
from autoact.spaces import SearchSpace

_MONITOR = "val_loss"


def run_search(
    model: Callable[[], Any] | Mapping[str, Any] | None = None,
    data: Any = None,
    *,
    objective: Objective | None = None,
    layers: Layers | None = None,
    space: Any = "default",
    monitor: str = _MONITOR,
    mode: Mode | None = None,
    budget: int = 20,
    seeds: int = 10,
    out: str | os.PathLike[str] | None = None,
    storage: str | None = None,
    workers: int = 1,
    trainer: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    rungs: bool = False,
    hours: float | None = None,
    seed: int = 0,
    selection_seeds: int | None = None,
    resume: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    task: str | None = None,
    source: Mapping[str, Any] | None = None,
) -> SearchResult:
    """Choose an activation for every layer of a model, and compare the choice with the model as it was.

    Args:
        model: Makes a fresh LightningModule at every call, or {"class_path": ..., "init_args": ...}.
        data: A LightningDataModule, a callable that makes one, class_path and init_args of one, or
            (train, validation[, test]) loaders.
        objective: Instead of model and data: a function of (assignment, seed, fraction) that trains whatever
            it likes for this fraction of a full training and returns one number; `mode` says which is better.
        layers: What the function calls its layers: names, or present activations by name; default: those
            that the rules of the space name.
        space: Name or file of a search space, names of candidates, a mapping, or a `SearchSpace`.
        monitor: Name under which the module logs the value to optimize.
        mode: "min" or "max"; inferred from "loss" or "acc" in the monitor's name.
        budget: Full trainings to spend on the search; baselines and confirmation come on top.
        seeds: Fresh paired seeds of the confirmation, at least 2; more of them see smaller differences.
        out: The run directory to make; with `resume`, the one to go on with. Only a dry run needs none.
        storage: URL of an Optuna storage; None keeps the study in the run directory.
        workers: Processes that train at the same time.
        trainer: Arguments of `lightning.Trainer`, the same for every training.
        parameters: Hyperparameters of the model to search with the activations, such as
            `{"model.lr": {"log": [1e-4, 1e-1]}}` (also `uniform`, `int` and `choice`). Every baseline is
            then tuned with as many trainings as the search tries.
        rungs: Whether trainings may pause after a part of their length, once short ones foretell the end.
            On average that did not pay where it was measured (docs/benchmarks/search.md).
        hours: Wall time after which the search starts no further training and chooses; baselines and
            confirmation come on top.
        seed: Everything random follows from it.
        selection_seeds: Seeds on which the best uniform baseline is chosen; default 3.
        resume: Go on with the run in `out`; finished trainings are not repeated.
        dry_run: Only tell the layers, the candidates and the cost.
        quiet: Print nothing.
        task: What to call the model; default: the name of its class.
        source: Kept in config.yaml, for whoever has to make model and data again to resume.

    Returns:
        Verdict, assignment and report.

    Raises:
        ConfigurationError: A setting, the model, the space or the monitor cannot be used.
        ConversionError: The model has no activation to choose.
        DataError: Data are empty or not finite.
        RunDirectoryError: `out` exists (without `resume`), cannot be written or cannot be resumed.
        SearchFailedError: Training failed throughout; what is known is in report.json.

    Example:
        >>> from autoact import run_search
        >>> from autoact.training.tasks import get_task
        >>> task = get_task("digits")
        >>> result = run_search(task.model, task.data, space=["relu", "tanh"], budget=1, dry_run=True,
        ...                     trainer={"max_epochs": 1, "accelerator": "cpu"}, quiet=True)
        >>> result.plan.counts.search
        1
    """
    _check_what(model, data, objective, layers)
    settings = Settings(
        monitor=OBJECTIVE if objective is not None and monitor == _MONITOR else monitor,
        mode=mode,
        budget=budget,
        seeds=seeds,
        selection_seeds=DEFAULT_SELECTION_SEEDS if selection_seeds is None else selection_seeds,
        seed=seed,
        workers=workers,
        storage=storage,
        trainer=trainer or {},
        parameters=parameters or {},
        rungs=rungs,
        hours=hours,
    )
    wanted = SearchSpace.of(space)
    with ExitStack() as stack:
        stack.enter_context(quiet_optuna())
        check_storage(storage)
        directory = None
        if resume:
            directory = stack.enter_context(_resumed(out, settings, wanted))
        elif not dry_run:
            RunDirectory.check_free(_required(out))
        if objective is not None:
            prepared = prepare_objective(objective, layers, wanted, settings, task)
        else:
            prepared = prepare(model, data, wanted, settings, task)
        seeds_of = seeds_for(settings)
        if directory is None:
            probed = _probe(prepared.task, seeds_of.search[0], settings, out)
            deciding = seconds_to_decide(settings, prepared.variables, probed.rungs)
            plan = prepared.plan(probed.planned_steps, probed.seconds, probed.rungs, deciding)
            if not quiet:
                print(plan.describe())
            if dry_run:
                return SearchResult(
                    run_dir=None, verdict=None, assignment=prepared.variables.original, report={}, plan=plan
                )
            content = configuration(
                settings,
                wanted,
                task=prepared.name,
                study=_study_name(out),
                rungs=plan.rungs,
                source=source,
            )
            directory = RunDirectory.create(_required(out), content)
            stack.enter_context(directory.locked())
            Ledger(directory.ledger_file).append(probed.entry)
        else:
            kept = Rungs.from_dict(directory.configuration().get("rungs"))
            plan = prepared.plan(math.nan, math.nan, kept)
        return Completion(prepared, plan, seeds_of, directory, quiet, resume).run()


def _check_what(model: Any, data: Any, objective: Any, layers: Any) -> None:
    if objective is None and (model is None or data is None):
        raise ConfigurationError(
            f"{'model' if model is None else 'data'} is not given; give model and data, or objective=f with "
            "f(assignment, seed, fraction) -> float."
        )
    if objective is not None and (model is not None or data is not None):
        raise ConfigurationError("Give model and data, or objective, not both: a function makes its own.")
    if objective is None and layers is not None:
        raise ConfigurationError("layers is for objective; the layers of a model are found by looking.")


def _probe(
    task: Task | ObjectiveTask, seed: int, settings: Settings, out: str | os.PathLike[str] | None
) -> Probe:
    if isinstance(task, Task):
        target = Path(out or ".").absolute()
        folder = next(each for each in (target, *target.parents) if each.is_dir())
        with threads_as_in(settings.workers):
            return probe(task, seed, settings, folder)
    return probe_objective(task, seed, settings)


@contextmanager
def _resumed(
    out: str | os.PathLike[str] | None, settings: Settings, space: SearchSpace
) -> Iterator[RunDirectory]:
    directory = RunDirectory.open(_required(out))
    require_same(directory.configuration(), settings, space)
    with directory.locked():
        yield directory


def _required(out: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    if out is None:
        raise ConfigurationError(
            "out is not given; it must name the run directory to make, such as 'runs/first'."
        )
    return out


def _study_name(out: str | os.PathLike[str] | None) -> str:
    # Unique, because a shared storage holds the studies of many runs.
    return f"autoact-{Path(out or '').name}-{uuid.uuid4().hex[:8]}"
