"""Search from start to end: prepare, probe, choose, compare with baselines, confirm, report.

Every step goes on where an earlier process left it: what is done stands in the ledger of the run directory.
"""

import inspect
import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from autoact.records import Ledger, Report, RunDirectory, Training
from autoact.report import duration, write_report
from autoact.search import outcome
from autoact.search._inputs import check_what, require_logged, required
from autoact.search._resumption import (
    as_probed,
    continuable,
    extend,
    further,
    going_on,
    hours_spent,
    is_same,
    is_unfinished,
    opened,
    seeds_of,
)
from autoact.search.clusters import place_for
from autoact.search.executors import require_no_import
from autoact.search.phases import (
    Prepared,
    SearchPlan,
    again,
    baseline_assignments,
    best_uniform,
    choice_of,
    choose,
    confirm,
    export_studies,
    prepare,
    prepare_objective,
    probe,
    race_baselines,
    require_alternative,
    select,
    stack_for,
    study_of,
    trained_as,
    tune_baselines,
)
from autoact.search.setup import (
    Settings,
    SettingsOptions,
    configuration,
    require_same,
    resumed,
    seeds_for,
)
from autoact.search.study import ORIGINAL, SELECTED, Search, check_storage, load_storages, quiet_optuna
from autoact.search.trainings import (
    OBJECTIVE,
    Executor,
    Layers,
    ModelTask,
    Objective,
    SearchProgress,
    TimeLimit,
    Trainings,
    interruptible,
)
from autoact.spaces import SearchSpace


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
            (train, validation[, test]) loaders.
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
        monitor: Name under which the module logs the value to optimize.
        mode: "min" or "max"; default: inferred from the name of the monitor.
        budget: Full trainings to spend on the search, at least 1; default: 20, or as many as take their time.
        seeds: Fresh paired seeds of the confirmation at most, at least 2.
        looks: Numbers of those seeds at which it is looked whether they decide; default: 5, 10, 20, ...
        selection_seeds: Fresh seeds on which the choice and the other finalists are trained, at least 1.
        hours: Wall time of the whole run: the search ends early enough for baselines and confirmation.
        workers: Processes that train at the same time, at least 1; default: one, and elsewhere than on this
            machine as many as are offered.
        executor: Where trainings run: "local" (default), "ray", "ray://HOST:PORT", "dask://HOST:PORT",
            "module:function" of a function that returns a `concurrent.futures.Executor`, or such an object.
        resources: What each training gets elsewhere, such as {"cpus": 1, "gpus": 0.25}.
        training_timeout: Seconds after which a training is ended as failed; default: by the probe's estimate.
        memory_limit: Gigabytes of memory that a training may take, its loader processes included.
        stack: Trainings that each of them does as one batched model; "auto" measures whether that is faster.
        storage: URL of an Optuna storage to which the study is exported beside study.db; its password is not
            kept: give the URL again with a resume.
        like: Earlier runs, or files of assignments, whose choices are tried first, moved to this model by
            relative depth; their values are no evidence about it.
        seed: Everything random in the search follows from it.
        trainer: Arguments of `lightning.Trainer`, the same for every training.
        parameters: Hyperparameters of the model to search with the activations.
        sampler: An Optuna sampler in place of `FunctionSpaceSampler`.
        pruner: An Optuna pruner that may end trials early.

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
    require_no_import()
    check_what(model, data, objective, layers)
    named = {**({"monitor": OBJECTIVE} if objective is not None else {}), **settings}
    asked = SearchSpace.of(space)
    with interruptible(out), ExitStack() as around:
        around.enter_context(quiet_optuna())
        directory = around.enter_context(opened(required(out))) if resume else None
        if directory is None:
            require_logged(model, data, asked, named)
            wanted = Settings.of(named)
            check_storage(wanted.storage)
            if not dry_run:
                RunDirectory.check_free(required(out))
        else:
            stored = directory.configuration()
            wanted = resumed(stored, named, hours_spent(directory, settings.get("workers") or 1))
            require_same(stored, wanted, asked)
            check_storage(wanted.storage, resumed=True)
        prepared = (
            prepare(model, data, asked, wanted, task)
            if objective is None
            else prepare_objective(objective, layers, asked, wanted, task)
        )
        prepared = replace(prepared.independent(check=directory is None), reference=reference)
        identity = prepared.fingerprint()
        if source is not None and "sha256" in source:  # what a table was made of
            identity["content of the data file"] = f"sha256:{source['sha256'][:16]}"
        place = around.enter_context(place_for(wanted))
        prepared = prepared.with_workers(place.workers)
        if directory is not None and is_same(directory, identity, accept_changes):
            prepared = as_probed(prepared, directory)
            if dry_run:
                return _announced(prepared.plan(None), prepared, quiet)
            executor = around.enter_context(place.executor(prepared.task, prepared.settings))
            extend(directory, wanted)
            return _carried_out(prepared, prepared.plan(None), directory, executor, quiet=quiet, resumed=True)
        with place.as_there():
            probed = probe(prepared.task, seeds_for(wanted).search[0], prepared.name, prepared.doubtful)
            prepared = prepared.without(probed.idle, probed.unsaid).without_mixture(probed.no_mixture)
            prepared = prepared.stacked(stack_for(prepared.task, wanted, prepared.variables))
            prepared = prepared.limited(probed.seconds)
        plan = prepared.plan(probed)
        announced = _announced(plan, prepared, quiet)
        if dry_run:
            return announced
        executor = around.enter_context(place.executor(prepared.task, prepared.settings))
        executor.begin()
        content = configuration(
            prepared.with_workers(wanted.workers).settings,
            asked,
            task=prepared.name,
            study=f"autoact-{Path(out or '').name}-{uuid.uuid4().hex[:8]}",  # a storage may hold others
            source=source,
            idle_layers=probed.idle,
            no_mixture=probed.no_mixture,
            unsaid=probed.unsaid,
            stack=prepared.stack,
            fingerprint=identity,
        )
        if directory is None:
            directory = RunDirectory.create(required(out), content)
            around.enter_context(directory.locked())
        else:
            directory.begin_again(content)
        Ledger(directory.ledger_file).append(probed.training)
        return _carried_out(prepared, plan, directory, executor, quiet=quiet)


run_search.__signature__ = inspect.signature(run_search).replace(  # type: ignore[attr-defined]
    parameters=[
        *(p for p in inspect.signature(run_search).parameters.values() if p.name != "settings"),
        *(p.replace(kind=p.KEYWORD_ONLY) for p in inspect.signature(Settings).parameters.values()),
    ]
)


def _announced(plan: SearchPlan, prepared: Prepared, quiet: bool) -> outcome.SearchResult:
    """Say what is planned, and return it as the result of a dry run."""
    plan.announce(quiet=quiet)
    return outcome.SearchResult(run_dir=None, assignment=prepared.variables.original, plan=plan)


def _carried_out(
    prepared: Prepared,
    plan: SearchPlan,
    directory: RunDirectory,
    executor: Executor,
    *,
    quiet: bool,
    resumed: bool = False,
) -> outcome.SearchResult:
    """Do what is left of a run, and write its report."""
    report = directory.report()
    if report is None or is_unfinished(report, directory, prepared.settings):
        with _started(prepared, plan, directory, executor, quiet, resumed) as (search, progress, watching):
            report = _searched(search, plan, prepared, progress, watching)
        directory.write_report(report)
        watching.end(report)
    else:
        trainings = Trainings(executor, prepared.task, Ledger(directory.ledger_file), stack=prepared.stack)
        search = _search(prepared, trainings, directory)
        _export(search, report)
        watching = outcome.Watching(search, plan, prepared.task.space.name)
        if not watching.is_told:
            watching.end(report)
    write_report(directory.path)
    assert report.chosen is not None, "a report with a verdict has a choice"
    return outcome.SearchResult(
        run_dir=directory.path,
        assignment=report.chosen,
        plan=plan,
        _report=report,
        _make_module=prepared.task.make_module if isinstance(prepared.task, ModelTask) else None,
    )


def _export(search: Search, report: Report) -> None:
    """Write again what was lost since a run has ended."""
    assert report.chosen is not None, "a report with a verdict has a choice"
    found = report.hyperparameters
    search.directory.write_choice(report.chosen, {} if found is None else found.chosen)
    export_studies(search)


def _searched(
    search: Search,
    plan: SearchPlan,
    prepared: Prepared,
    progress: SearchProgress,
    watching: outcome.Watching,
) -> Report:
    """Choose, compare with baselines, confirm; return the report."""
    task, name = prepared.task, prepared.task.space.name
    chosen = _choice(search)
    progress.say(_cut(search))
    models, study = tune_baselines(search, baseline_assignments(search), chosen), study_of(search)
    race_baselines(search, study, models)
    require_alternative(search)
    selected = select(search, study, choice_of(search, study), models)
    uniform = best_uniform(search, study, models)
    _write_choice(search, selected)
    compared = {SELECTED: selected, ORIGINAL: models[ORIGINAL], uniform: models[uniform]}
    progress.shrink(_total(search, compared))
    confirmed = confirm(search, compared, watching.look)
    progress.shrink(progress.done)
    known = outcome.believed(search)
    return outcome.build_report(
        search,
        plan,
        space=name,
        selected=selected,
        baselines=models,
        trained={label: trained_as(search, model) for label, model in models.items()},
        uniform=uniform,
        confirmed=confirmed,
        latency=outcome.latency(task, selected.assignment) if isinstance(task, ModelTask) else None,
        known=known,
        front=outcome.pareto(search, task, selected, known),
        reference=outcome.measured(prepared.reference, search.settings.monitor),
    )


def _cut(search: Search) -> str:
    """Return that time has ended the search before its budget was spent; "" where it has not."""
    trials = sum(1 for _ in search.ledger.of("trial"))
    if search.limit.hours is None or search.confirmations or trials >= search.counts.trials:
        return ""
    left = duration(search.limit.left)
    return f"{trials} of {search.counts.trials} trials: the {left} left are for baselines and confirmation"


def _choice(search: Search) -> Training:
    """Return the choice; whatever reads comparison data comes after it is on disk."""
    chosen = choose(search)
    if not search.directory.assignment_file.exists():
        _write_choice(search, chosen)
    return again(chosen, "trial", SELECTED, 0)


def _write_choice(search: Search, chosen: Training) -> None:
    assert chosen.assignment is not None, "a mixture is no choice"
    search.directory.write_choice(chosen.assignment, chosen.hyperparameters)


@contextmanager
def _started(
    prepared: Prepared,
    plan: SearchPlan,
    directory: RunDirectory,
    executor: Executor,
    quiet: bool,
    resumed: bool,
) -> Iterator[tuple[Search, SearchProgress, outcome.Watching]]:
    """Start progress; count what earlier processes did."""
    settings, ledger = prepared.settings, Ledger(directory.ledger_file)
    total = plan.counts.total + further(directory, settings, plan.counts)
    with continuable(directory), _progress(plan, total, quiet) as progress:
        for training in ledger.trainings:
            progress.count(training)
        load_storages()
        with Trainings(executor, prepared.task, ledger, stack=prepared.stack) as trainings:
            search = _search(prepared, trainings, directory, plan.seconds)
            progress.say(
                going_on(search, progress.done, total) if resumed else f"Run directory: {directory.path}"
            )
            with outcome.Watching(search, plan, prepared.task.space.name, progress) as watching:
                trainings.finished = watching.finished
                yield search, progress, watching


def _progress(plan: SearchPlan, total: int, quiet: bool) -> SearchProgress:
    return SearchProgress(plan.settings, total, quiet=quiet, estimate=plan.seconds)


def _search(
    prepared: Prepared, trainings: Trainings, directory: RunDirectory, estimate: float = math.nan
) -> Search:
    settings = prepared.settings
    return Search(
        settings=settings,
        seeds=seeds_of(directory, settings),
        variables=prepared.variables,
        directory=directory,
        trainings=trainings,
        limit=TimeLimit(settings.hours, trainings.ledger, settings.parallel, estimate),
        own=prepared.own,
        questions=directory.questions(),
    )


def _total(search: Search, confirmed: Mapping[str, Training]) -> int:
    """Return how many trainings it will be, now that it is known which models are identical."""
    counts, tuned = search.counts, sum(1 for _ in search.ledger.of("tuning"))
    same = len(confirmed) - len({model.key for model in confirmed.values()})
    more = further(search.directory, search.settings, counts)
    return counts.total + more - (counts.tuning - tuned) - same * search.settings.seeds
