"""Run of a search from its plan to its report: choose, compare with baselines, confirm."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

from autoact.records import Ledger, Report, RunDirectory, Stack, Training, write_front
from autoact.report import duration, write_report
from autoact.search import outcome
from autoact.search._resumption import continuable, further, going_on, is_unfinished, seeds_of
from autoact.search.goals import cheaper_models
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
    race_baselines,
    require_alternative,
    select,
    study_of,
    tune_baselines,
)
from autoact.search.study import ORIGINAL, SELECTED, Search, load_storages
from autoact.search.trainings import Executor, ModelTask, SearchProgress, TimeLimit, Trainings


def carried_out(
    prepared: Prepared,
    directory: RunDirectory,
    executor: Executor,
    *,
    quiet: bool,
    resumed: bool = False,
) -> outcome.SearchResult:
    """Do what is left of a run, and write its report."""
    report = directory.report()
    if report is None or is_unfinished(report, directory, prepared.plan.settings):
        with _started(prepared, directory, executor, quiet, resumed) as (search, progress, record):
            report = _searched(search, prepared, progress, record)
        directory.write_report(report)
        record.end(report)
    else:
        ledger = Ledger(directory.ledger_file)
        trainings = Trainings(executor, prepared.task, ledger, stack=prepared.plan.stack)
        search = _search(prepared.plan, trainings, directory)
        _export(search, report)
        record = outcome.LiveRecord(search, prepared.plan)
        if not record.is_told:
            record.end(report)
    write_report(directory.path)
    assert report.chosen is not None, "a report with a verdict has a choice"
    return outcome.SearchResult(
        run_dir=directory.path,
        assignment=report.chosen,
        plan=prepared.plan,
        _report=report,
        _make_module=prepared.task.make_module if isinstance(prepared.task, ModelTask) else None,
    )


def _export(search: Search, report: Report) -> None:
    """Write again what was lost since a run has ended."""
    assert report.chosen is not None, "a report with a verdict has a choice"
    found = report.hyperparameters
    search.directory.write_choice(report.chosen, {} if found is None else found.chosen)
    if report.front is not None:
        write_front(search.directory.path, [point.layers for point in report.front.points])
    export_studies(search)


def _searched(
    search: Search, prepared: Prepared, progress: SearchProgress, record: outcome.LiveRecord
) -> Report:
    """Choose, compare with baselines, confirm; return the report."""
    chosen = _choice(search)
    progress.say(_cut(search))
    models, study = tune_baselines(search, baseline_assignments(search), chosen), study_of(search)
    race_baselines(search, study, models)
    require_alternative(search)
    selected = select(search, study, choice_of(search, study), models)
    uniform = best_uniform(search, study, models)
    _write_choice(search, selected)
    cheaper = outcome.labelled(cheaper_models(search, study, selected, selected=True))
    compared = {SELECTED: selected, ORIGINAL: models[ORIGINAL], uniform: models[uniform], **cheaper}
    outcome.note_front(search, compared)
    progress.shrink(_total(search, compared))
    confirmed = confirm(search, compared, record.look)
    progress.shrink(progress.done)
    return outcome.build_report(
        search,
        prepared.plan,
        selected=selected,
        baselines=models,
        uniform=uniform,
        compared=compared,
        confirmed=confirmed,
        reference=outcome.measured(prepared.reference, search.settings.monitor),
    )


def _cut(search: Search) -> str:
    """Return that time has ended the search before its budget was spent; "" where it has not."""
    trials = search.ledger.count("trial")
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
    search.directory.write_choice(chosen.activations, chosen.hyperparameters)


@contextmanager
def _started(
    prepared: Prepared, directory: RunDirectory, executor: Executor, quiet: bool, resumed: bool
) -> Iterator[tuple[Search, SearchProgress, outcome.LiveRecord]]:
    """Start progress; count what earlier processes did."""
    plan, ledger = prepared.plan, Ledger(directory.ledger_file)
    total = plan.counts.total + further(directory, plan.settings, plan.counts)
    with continuable(directory), _progress(plan, total, quiet) as progress:
        for training in ledger.trainings:
            progress.count(training)
        load_storages()
        with Trainings(executor, prepared.task, ledger, stack=plan.stack) as trainings:
            trainings.limited = partial(_note_stack, directory)
            search = _search(plan, trainings, directory)
            progress.say(
                going_on(search, progress.done, total) if resumed else f"Run directory: {directory.path}"
            )
            with outcome.LiveRecord(search, plan, progress) as record:
                trainings.finished = record.finished
                yield search, progress, record


def _note_stack(directory: RunDirectory, stack: Stack) -> None:
    """Keep what is known of stacks by now, so that a resumed run goes on like one that is not interrupted."""
    directory.reconfigure({**directory.configuration(), "stack": asdict(stack)})


def _progress(plan: SearchPlan, total: int, quiet: bool) -> SearchProgress:
    return SearchProgress(plan.settings, total, quiet=quiet, estimate=plan.seconds)


def _search(plan: SearchPlan, trainings: Trainings, directory: RunDirectory) -> Search:
    settings = plan.settings
    return Search(
        settings=settings,
        seeds=seeds_of(directory, settings),
        variables=plan.variables,
        directory=directory,
        trainings=trainings,
        limit=TimeLimit(settings.hours, trainings.ledger, settings.parallel, plan.seconds),
        own=plan.own,
        questions=directory.questions(),
        costs=plan.costs,
    )


def _total(search: Search, confirmed: Mapping[str, Training]) -> int:
    """Return how many trainings it will be, now that it is known which models are identical."""
    counts, tuned = search.counts, search.ledger.count("tuning")
    same = counts.compared - len({model.key for model in confirmed.values()})
    more = further(search.directory, search.settings, counts)
    return counts.total + more - (counts.tuning - tuned) - same * search.settings.seeds
