"""The whole search: check, announce, search, choose, confirm, report; resumable at every point."""

import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoact.errors import ConfigurationError, SearchFailedError
from autoact.report import write_report
from autoact.search.configuration import configuration, require_same
from autoact.search.latency import latency
from autoact.search.ledger import Entry, Ledger
from autoact.search.outcome import SearchResult, build_partial_report, build_report
from autoact.search.phases import (
    Search,
    best_uniform,
    confirm,
    repeat_best,
    run_trials,
    train_baselines,
    train_prior,
)
from autoact.search.plan import SearchPlan
from autoact.search.preparation import Prepared, prepare
from autoact.search.probe import probe
from autoact.search.progress import SearchProgress
from autoact.search.run_directory import RunDirectory
from autoact.search.seeds import Seeds, seeds_for
from autoact.search.settings import DEFAULT_SELECTION_SEEDS, Settings
from autoact.search.study import open_study, quiet_optuna
from autoact.search.trainings import Trainings
from autoact.search.trial_log import log_trial
from autoact.search.variables import key_of
from autoact.search.verdict import Mode
from autoact.spaces import Assignment, SearchSpace


def run_search(
    model: Callable[[], Any] | Mapping[str, Any],
    data: Any,
    *,
    space: Any = "default",
    monitor: str = "val_loss",
    mode: Mode | None = None,
    budget: int = 20,
    seeds: int = 10,
    out: str | os.PathLike[str] | None = None,
    storage: str | None = None,
    workers: int = 1,
    trainer: Mapping[str, Any] | None = None,
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
        space: Name or file of a search space, names of candidates, a mapping, or a `SearchSpace`.
        monitor: Name under which the module logs the value to optimize.
        mode: "min" or "max"; inferred from "loss" or "acc" in the monitor's name.
        budget: Full trainings to spend on the search; baselines and confirmation come on top.
        seeds: Fresh paired seeds of the confirmation, at least 2; more of them see smaller differences.
        out: The run directory to make; with `resume`, the one to go on with. Only a dry run needs none.
        storage: URL of an Optuna storage; None keeps the study in the run directory.
        workers: Processes that train at the same time.
        trainer: Arguments of `lightning.Trainer`, the same for every training.
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
    settings = Settings(
        monitor=monitor,
        mode=mode,
        budget=budget,
        seeds=seeds,
        selection_seeds=DEFAULT_SELECTION_SEEDS if selection_seeds is None else selection_seeds,
        seed=seed,
        workers=workers,
        storage=storage,
        trainer=trainer or {},
    )
    wanted = SearchSpace.of(space)
    with ExitStack() as stack:
        stack.enter_context(quiet_optuna())
        directory = None
        if resume:
            directory = stack.enter_context(_resumed(out, settings, wanted))
        elif not dry_run:
            RunDirectory.check_free(_required(out))
        prepared = prepare(model, data, wanted, settings, task)
        seeds_of = seeds_for(settings)
        if directory is None:
            probed = probe(prepared.task, seeds_of.search[0])
            plan = prepared.plan(probed.planned_steps, probed.seconds)
            if not quiet:
                print(plan.describe())
            if dry_run:
                return SearchResult(
                    run_dir=None, verdict=None, assignment=prepared.variables.original, report={}, plan=plan
                )
            content = configuration(
                settings, wanted, task=prepared.name, study=_study_name(out), source=source
            )
            directory = RunDirectory.create(_required(out), content)
            stack.enter_context(directory.locked())
            Ledger(directory.ledger_file).append(probed.entry)
        else:
            plan = prepared.plan(math.nan, math.nan)
        return _Run(prepared, plan, seeds_of, directory, quiet).finish()


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


@dataclass(frozen=True, slots=True)
class _Run:
    """A run directory's search, from wherever it stands to its report."""

    prepared: Prepared
    plan: SearchPlan
    seeds: Seeds
    directory: RunDirectory
    quiet: bool

    def finish(self) -> SearchResult:
        """Do what is left."""
        report = self.directory.report()
        if report is None or report["verdict"] is None:
            report = self._carry_out()
            self.directory.write_report(report)
        write_report(self.directory.path)
        return SearchResult(
            run_dir=self.directory.path,
            verdict=report["verdict"],
            assignment=Assignment.load(self.directory.assignment_file),
            report=report,
            plan=self.plan,
        )

    def _carry_out(self) -> dict[str, Any]:
        settings, ledger = self.prepared.settings, Ledger(self.directory.ledger_file)
        with SearchProgress(settings, self.plan.counts.total, quiet=self.quiet) as progress:
            for entry in ledger.entries:
                progress.resumed(entry)
                log_trial(self.directory, entry, settings.monitor)

            def finished(entry: Entry) -> None:
                progress.finished(entry)
                log_trial(self.directory, entry, settings.monitor)

            with Trainings(self.prepared.task, ledger, settings.workers, finished) as trainings:
                search = Search(
                    settings=settings,
                    seeds=self.seeds,
                    variables=self.prepared.variables,
                    directory=self.directory,
                    trainings=trainings,
                )
                return self._report(search, progress)

    def _report(self, search: Search, progress: SearchProgress) -> dict[str, Any]:
        space = self.prepared.task.space
        try:
            finalist = self._choose(search)
            baselines = train_baselines(search)
            uniform = best_uniform(search, baselines)
            models = {key_of(a) for a in (finalist, search.variables.original, uniform)}
            progress.shrink(self.plan.counts.total - (3 - len(models)) * len(self.seeds.confirmation))
            confirmed = confirm(search, finalist, uniform)
        except SearchFailedError as error:
            self.directory.write_report(build_partial_report(search, self.plan, space.name, str(error)))
            raise
        return build_report(
            search,
            self.plan,
            space=space.name,
            finalist=finalist,
            baselines=baselines,
            uniform=uniform,
            confirmed=confirmed,
            latency=latency(self.prepared.task, finalist),
        )

    def _choose(self, search: Search) -> Assignment:
        """Return the choice; whatever reads comparison data comes after it is on disk."""
        file = self.directory.assignment_file
        if not file.exists():
            settings = search.settings
            name = self.directory.configuration()["study"]
            prior = train_prior(search)
            study = open_study(self.directory.study_file, name, search.variables, settings, search.ledger)
            run_trials(search, study, prior)
            choice = repeat_best(search).best() or (prior if search.counts.trials == 0 else None)
            if choice is None:
                raise SearchFailedError(_nothing_finite(search))
            Assignment(dict(choice.items()), name="chosen").save(file)
        return Assignment.load(file)


def _nothing_finite(search: Search) -> str:
    errors = [entry.error for entry in search.ledger.of("prior", "trial") if entry.error]
    what = f"the first raised {errors[0]}" if errors else "all diverged"
    return (
        f"Not one training of the search ended with a finite {search.settings.monitor}: {what}. "
        "Lower the learning rate or clip gradients, then start a new run."
    )
