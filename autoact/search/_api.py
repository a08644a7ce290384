"""Search from start to end: prepare, probe, choose, compare with baselines, confirm, report.

Every step goes on where an earlier process left it: what is done stands in the ledger of the run directory.
"""

import inspect
import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from autoact.records import Ledger, RunDirectory
from autoact.search import outcome
from autoact.search._carrying_out import carried_out
from autoact.search._inputs import check_what, required, settings_of
from autoact.search._resumption import as_probed, extend, how_to_go_on, is_same, opened, settings_again
from autoact.search.clusters import TrainingPlace, place_for
from autoact.search.executors import require_no_import
from autoact.search.phases import Prepared, Probe, prepare, prepare_objective, probe, stack_for
from autoact.search.setup import (
    Settings,
    SettingsOptions,
    configuration,
    seeds_for,
)
from autoact.search.study import quiet_optuna
from autoact.search.trainings import OBJECTIVE, Layers, Objective, interruptible
from autoact.spaces import SearchSpace

_SETTINGS = "    **settings: Settings of the search by name, each as `Settings` describes it."


def run_search(
    model: Callable[[], Any] | Mapping[str, Any] | None = None,
    data: Any = None,
    *,
    objective: Objective | None = None,
    layers: Layers | None = None,
    space: Any = "default",
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    accept_changes: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    task: str | None = None,
    source: Mapping[str, Any] | None = None,
    reference: outcome.Measure | None = None,
    **settings: Unpack[SettingsOptions],
) -> outcome.SearchResult:
    """Choose an activation for every layer of a model, and compare the choice with the model as it was.

    Args:
        model: Makes a fresh LightningModule at every call, or {"class_path": ..., "init_args": ...}.
        data: A LightningDataModule, a callable that makes one, class_path and init_args of one, or
            (train, validation[, test]) loaders; None: the model's own `train_dataloader`, `val_dataloader`
            and, if it has one, `test_dataloader`.
        objective: Instead of model and data: a function of (assignment, seed, fraction) that trains whatever
            it likes for this fraction of a full training and returns one number; `mode` says which is better.
        layers: What the function calls its layers: names, or present activations by name; default: those
            that the rules of the space name.
        space: Name or file of a search space, names of candidates, a mapping, or a `SearchSpace`.
        out: The run directory to make; with `resume`, the one to go on with. Only a dry run needs none.
        resume: Go on with the run in `out`; finished trainings are not repeated, those of the confirmation
            that raised are. With a larger `budget` or more `seeds` only what is missing is trained; `hours`
            are added to those that are spent; of these three, what is not given stays as it was.
        accept_changes: Where model or data are not what they were when a resumed run began: set aside what
            was trained, in `before-change-1` of the run directory, and train anew.
        dry_run: Only tell the layers, the candidates and the cost.
        quiet: Print nothing.
        task: What to call the model; default: the name of its class.
        source: Kept in config.yaml, for whoever has to make model and data again to resume.
        reference: Of the metric: what else is named beside the verdict, an `autoact.records.Reference`.
        **settings: Settings of the search by name, each as `Settings` describes it.

    Returns:
        Verdict, assignment and report.

    Raises:
        ConfigurationError: A setting, the model, the space or the monitor cannot be used.
        ConversionError: The model has no activation to choose.
        DataError: Data are empty, or hold values that are no numbers and that the model's loss does not leave
            out: a warning names those that it does.
        MissingPackageError: The executor belongs to a library that is not installed.
        RunDirectoryError: `out` exists (without `resume`), cannot be written or cannot be resumed.
        SearchFailedError: Training failed throughout, or a cluster is gone; report.json has what is known.
        KeyboardInterrupt: There was a Ctrl-C; its note says how to go on.
        SystemExit: There was a SIGTERM or SIGHUP, which its exit status tells; a warning says how to go on.

    Example:
        >>> from autoact import run_search
        >>> from autoact.training.tasks import get_task
        >>> task = get_task("digits")
        >>> result = run_search(task.model, task.data, space=["relu", "tanh"], budget=1, dry_run=True,
        ...                     trainer={"max_epochs": 1, "accelerator": "cpu"}, quiet=True)
        >>> result.plan.counts.search
        1
    """
    require_no_import("run_search")
    check_what(model, data, objective, layers)
    named = {**({"monitor": OBJECTIVE} if objective is not None else {}), **settings}
    asked = SearchSpace.of(space)
    with interruptible(partial(how_to_go_on, out)), ExitStack() as around:
        around.enter_context(quiet_optuna())
        directory = around.enter_context(opened(required(out))) if resume else None
        if directory is not None:
            wanted = settings_again(directory, asked, named)
        else:
            wanted = settings_of(model, data, asked, named)
            if out is not None or not dry_run:
                RunDirectory.check_free(required(out))
        prepared = (
            prepare(model, data, asked, wanted, task)
            if objective is None
            else prepare_objective(objective, layers, asked, wanted, task)
        )
        prepared = replace(prepared.independent(check=directory is None), reference=reference)
        identity = {**prepared.fingerprint(), **_of_file(source)}
        place = around.enter_context(place_for(wanted))
        prepared = prepared.with_workers(place.workers)
        known = directory is not None and is_same(directory, prepared, identity, accept_changes)
        if directory is not None and known:
            prepared, probed = as_probed(prepared, directory), None
        else:
            if not quiet:
                print(
                    f"{prepared.plan.task}: tried briefly, to see that it trains and how long that takes",
                    flush=True,
                )
            prepared, probed = _probed(prepared, place)
        plan = prepared.plan
        if dry_run or probed is not None:
            plan.announce(quiet=quiet)
        if dry_run:
            return outcome.SearchResult(run_dir=None, assignment=plan.variables.original, plan=plan)
        executor = around.enter_context(place.executor(prepared.task, plan.settings))
        if directory is not None and probed is None:
            extend(directory, wanted)
            return carried_out(prepared, directory, executor, quiet=quiet, resumed=True)
        assert probed is not None, "only a run that goes on is not probed"
        executor.begin()
        content = configuration(
            replace(plan.settings, workers=wanted.workers),
            asked,
            task=plan.task,
            study=f"autoact-{Path(out or '').name}-{uuid.uuid4().hex[:8]}",  # a storage may hold others
            source=source,
            found={**prepared.found(probed), "fingerprint": identity},
        )
        if directory is None:
            directory = RunDirectory.create(required(out), content)
            around.enter_context(directory.locked())
        else:
            directory.begin_again(content)
        Ledger(directory.ledger_file).append(probed.training)
        return carried_out(prepared, directory, executor, quiet=quiet)


def _spell_out(function: Any) -> None:
    """Let signature and docstring of a function name every setting, as `Settings` describes them."""
    own, settings = inspect.signature(function), inspect.signature(Settings).parameters.values()
    named = [each for each in own.parameters.values() if each.name != "settings"]
    each_by_name = (each.replace(kind=each.KEYWORD_ONLY) for each in settings)
    function.__signature__ = own.replace(parameters=[*named, *each_by_name])
    described = (inspect.getdoc(Settings) or "").partition("Args:\n")[2].partition("\n\n")[0]
    function.__doc__ = (inspect.getdoc(function) or "").replace(_SETTINGS, described)


_spell_out(run_search)


def _of_file(source: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what identifies the file of a table, as far as the source says."""
    if source is None or "sha256" not in source:
        return {}
    return {"content of the data file": f"sha256:{source['sha256'][:16]}"}


def _probed(prepared: Prepared, place: TrainingPlace) -> tuple[Prepared, Probe]:
    """Return a search with what a few steps showed: idle layers, no mixture, stacks, the time they take."""
    settings = prepared.plan.settings
    with place.as_there():
        prepared = prepared.priced()
        probed = probe(prepared.task, seeds_for(settings).search[0], prepared.plan.task, prepared.doubtful)
        prepared = prepared.without(probed.idle, probed.unsaid).without_mixture(probed.no_mixture)
        prepared = prepared.stacked(stack_for(prepared.task, settings, prepared.plan.variables))
        return prepared.limited(probed.seconds).estimated(probed), probed
