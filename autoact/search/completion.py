"""Carry a run from wherever it stands to its report: search, choose, confirm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoact.errors import SearchFailedError
from autoact.report import write_report
from autoact.search.latency import latency
from autoact.search.ledger import Entry, Ledger
from autoact.search.outcome import SearchResult, build_partial_report, build_report
from autoact.search.phases import (
    FINALIST,
    ORIGINAL,
    baseline_assignments,
    best_uniform,
    confirm,
    fall_back,
    run_search_trials,
    train_baselines,
    train_prior,
)
from autoact.search.plan import SearchPlan
from autoact.search.preparation import Prepared
from autoact.search.progress import SearchProgress
from autoact.search.run_directory import RunDirectory
from autoact.search.seeds import Seeds
from autoact.search.stage import SEARCH_STAGE
from autoact.search.state import Search
from autoact.search.study import open_study
from autoact.search.task import Task
from autoact.search.trainings import Trainings
from autoact.search.trial_log import log_trial
from autoact.search.trials import repeat_best
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
                    own=self.prepared.own,
                )
                return self._report(search, progress)

    def _report(self, search: Search, progress: SearchProgress) -> dict[str, Any]:
        task = self.prepared.task
        space = task.space
        try:
            finalist = self._choose(search)
            baselines = tune_baselines(search, baseline_assignments(search), finalist)
            values = train_baselines(search, baselines)
            uniform = best_uniform(search, values)
            models = {FINALIST: finalist, ORIGINAL: baselines[ORIGINAL], uniform: baselines[uniform]}
            progress.shrink(_total(search, [model.key for model in models.values()]))
            confirmed = confirm(search, models)
        except SearchFailedError as error:
            self.directory.write_report(build_partial_report(search, self.plan, space.name, str(error)))
            raise
        return build_report(
            search,
            self.plan,
            space=space.name,
            finalist=finalist,
            baselines=baselines,
            values=values,
            uniform=uniform,
            confirmed=confirmed,
            latency=latency(task, finalist.assignment) if isinstance(task, Task) else None,
        )

    def _choose(self, search: Search) -> Tuned:
        """Return the choice; whatever reads comparison data comes after it is on disk."""
        if not self.directory.assignment_file.exists():
            settings = search.settings
            name = self.directory.configuration()["study"]
            study = open_study(self.directory.study_file, name, search.variables, settings, search.ledger)
            prior = train_prior(search)
            run_search_trials(search, study, prior)
            choice = repeat_best(search, SEARCH_STAGE).best()
            if choice is None and search.counts.trials == 0 and prior is not None:
                choice = Tuned(prior)
            choice = choice or fall_back(search)
            if choice is None:
                raise SearchFailedError(_nothing_finite(search))
            self.directory.write_choice(choice.assignment, choice.hyperparameters)
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
