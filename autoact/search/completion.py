"""Carry a run from wherever it stands to its report: search, choose, confirm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoact.errors import SearchFailedError
from autoact.report import write_report
from autoact.search.clock import Clock
from autoact.search.findings import findings
from autoact.search.guided import ORIGINAL
from autoact.search.latency import latency
from autoact.search.ledger import Entry, Ledger
from autoact.search.outcome import SearchResult, build_partial_report, build_report
from autoact.search.pareto import believed, pareto
from autoact.search.phases import (
    FINALIST,
    baseline_assignments,
    best_uniform,
    confirm,
    fall_back,
    search_freely,
    search_guided,
    train_baselines,
)
from autoact.search.plan import SearchPlan
from autoact.search.preparation import Prepared
from autoact.search.progress import SearchProgress
from autoact.search.run_directory import RunDirectory
from autoact.search.seeds import Seeds
from autoact.search.settling import settle
from autoact.search.state import Search
from autoact.search.task import Task
from autoact.search.trainings import Trainings
from autoact.search.trial_log import log_trial, log_unfinished
from autoact.search.tuned import Tuned
from autoact.search.tuning import tune_baselines
from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True)
class Completion:
    """A run directory's search, from wherever it stands to its report."""

    prepared: Prepared
    plan: SearchPlan
    seeds: Seeds
    directory: RunDirectory
    quiet: bool
    resumed: bool = False

    def run(self) -> SearchResult:
        """Do what is left, and write the report."""
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
            if self.resumed:
                progress.say(f"Resuming {self.directory.path}: {progress.done} trainings are done")

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
                    rungs=self.plan.rungs,
                    clock=Clock.of(settings.hours, ledger, settings.workers),
                    own=self.prepared.own,
                )
                return self._report(search, progress)

    def _report(self, search: Search, progress: SearchProgress) -> dict[str, Any]:
        task = self.prepared.task
        space = task.space
        try:
            chosen = self._choose(search)
            baselines = tune_baselines(search, baseline_assignments(search), chosen)
            values = train_baselines(search, {**baselines, FINALIST: chosen})
            uniform = best_uniform(search, values)
            finalist = settle(search, {**baselines, FINALIST: chosen}, values)
            if finalist != chosen:
                self.directory.write_choice(finalist.assignment, finalist.hyperparameters)
            models = {FINALIST: finalist, ORIGINAL: baselines[ORIGINAL], uniform: baselines[uniform]}
            progress.shrink(_total(search, [model.key for model in models.values()]))
            confirmed = confirm(search, models)
        except SearchFailedError as error:
            self.directory.write_report(build_partial_report(search, self.plan, space.name, str(error)))
            raise
        known = believed(search)
        return build_report(
            search,
            self.plan,
            space=space.name,
            finalist=finalist,
            baselines=baselines,
            values={name: values[name] for name in baselines},
            uniform=uniform,
            confirmed=confirmed,
            latency=latency(task, finalist.assignment) if isinstance(task, Task) else None,
            found=findings(search, finalist, known),
            front=pareto(search, task, finalist, known),
        )

    def _choose(self, search: Search) -> Tuned:
        """Return the choice; whatever reads comparison data comes after it is on disk."""
        if not self.directory.assignment_file.exists():
            choice = search_guided(search) if search.guided else search_freely(search)
            choice = choice or fall_back(search)
            if choice is None:
                raise SearchFailedError(_nothing_finite(search))
            self.directory.write_choice(choice.assignment, choice.hyperparameters)
            log_unfinished(self.directory, search.ledger, search.settings.monitor)
        return Tuned(*self.directory.choice())


def _total(search: Search, confirmed: Sequence[str]) -> int:
    """Return how many trainings it will be, now that it is known which models are identical."""
    counts, tuned = search.counts, sum(1 for _ in search.ledger.of("tuning"))
    same = len(confirmed) - len(set(confirmed))
    return counts.total - (counts.tuning - tuned) - same * search.settings.seeds


def _nothing_finite(search: Search) -> str:
    errors = [entry.error for entry in search.ledger.of("prior", "trial") if entry.error]
    what = f"the first raised {errors[0]}" if errors else "all diverged"
    return (
        f"Not one training of the search ended with a finite {search.settings.monitor}: {what}. "
        "Lower the learning rate or clip gradients, then start a new run."
    )
