"""The phases of a search, in order; each goes on where an earlier process left it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from statistics import fmean

from autoact.errors import SearchFailedError
from autoact.search.ledger import Entry, Ledger
from autoact.search.plan import Counts
from autoact.search.recommendation import Evidence, assignment_of, contenders
from autoact.search.run_directory import RunDirectory
from autoact.search.seeds import Seeds
from autoact.search.settings import Settings
from autoact.search.study import ActivationStudy, Proposal
from autoact.search.task import Job
from autoact.search.trainings import Trainings, first_finished
from autoact.search.variables import Variables, key_of
from autoact.spaces import Assignment

PRIOR_CHOICE = "prior's choice"
ORIGINAL = "original"
FINALIST = "finalist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Everything that the phases share."""

    settings: Settings
    seeds: Seeds
    variables: Variables
    directory: RunDirectory
    trainings: Trainings

    @property
    def ledger(self) -> Ledger:
        """The trainings that are done."""
        return self.trainings.ledger

    @property
    def counts(self) -> Counts:
        """How many trainings each phase has."""
        return Counts.of(self.settings, self.variables)


def train_prior(search: Search) -> Assignment | None:
    """Train one mixture of all candidates; return what it derived, None if it diverged."""
    job = Job(
        phase="prior",
        label="prior",
        assignment=None,
        seed=search.seeds.search[0],
        logs=search.directory.tensorboard("prior"),
    )
    (entry,) = search.trainings.run([job])
    return assignment_of(entry.assignment) if entry.usable and entry.assignment else None


def run_trials(search: Search, study: ActivationStudy, prior: Assignment | None) -> None:
    """Ask and tell until the trials of the budget are done; a trial interrupted by anything is put back."""
    if prior is not None:
        study.enqueue(prior, PRIOR_CHOICE)
    study.enqueue(search.variables.original, ORIGINAL)
    left = search.counts.trials - sum(1 for _ in search.ledger.of("trial"))
    running: dict[Future[Entry], Proposal] = {}
    try:
        while left > 0 or running:
            while left > 0 and len(running) < search.trainings.workers:
                proposal = study.ask()
                running[search.trainings.start(_trial(search, proposal, running.values()))] = proposal
                left -= 1
            for future in first_finished(running):
                del running[future]
                study.tell(search.trainings.finish(future))
    except BaseException:  # Ctrl-C and SIGTERM included: Optuna would keep the trial RUNNING for ever
        study.abandon()
        raise


def repeat_best(search: Search) -> Evidence:
    """Try the best few again on fresh seeds; return all evidence."""
    evidence = Evidence(search.settings.minimize)
    evidence.add(search.ledger.of("trial"))
    left, turn = search.counts.reevaluations, 0
    while left > 0 and (again := contenders(evidence, turn, left)):
        jobs = [
            Job(
                phase="reevaluation",
                label="repeat",
                assignment=assignment,
                seed=search.seeds.search[evidence.count(key_of(assignment))],
            )
            for assignment in again
        ]
        evidence.add(search.trainings.run(jobs))
        left, turn = left - len(jobs), turn + 1
    return evidence


def train_baselines(search: Search) -> dict[str, list[float]]:
    """Train the original and every uniform assignment on the selection seeds; return their values by name."""
    variables = search.variables
    models = {ORIGINAL: variables.original} | {name: variables.uniform(name) for name in variables.names}
    jobs = [
        Job(phase="baseline", label=name, assignment=assignment, seed=seed)
        for seed in search.seeds.selection
        for name, assignment in models.items()
    ]
    entries = search.trainings.run(jobs)
    return {
        name: [entry.selection for entry in entries[place :: len(models)]]
        for place, name in enumerate(models)
    }


def best_uniform(search: Search, baselines: Mapping[str, Sequence[float]]) -> Assignment:
    """Return the uniform assignment with the best mean on the selection seeds.

    Raises:
        SearchFailedError: Not one of them trained to a finite value on every seed.
    """
    sign = 1.0 if search.settings.minimize else -1.0
    means = {name: sign * fmean(values) for name, values in baselines.items() if name != ORIGINAL}
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    if not finite:
        raise SearchFailedError(
            f"No uniform baseline reached a finite {search.settings.monitor} on every selection seed. "
            "Lower the learning rate, or check the model."
        )
    return search.variables.uniform(min(finite, key=finite.__getitem__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The trainings of the confirmation, one per seed in the order of the seeds."""

    finalist: list[Entry]
    original: list[Entry]
    uniform: list[Entry]


def confirm(search: Search, finalist: Assignment, uniform: Assignment) -> Confirmed:
    """Train finalist, original and best uniform on fresh paired seeds; measure them on comparison data."""
    models = {FINALIST: finalist, ORIGINAL: search.variables.original, uniform.name: uniform}
    first = search.seeds.confirmation[0]
    jobs = [
        Job(
            phase="confirmation",
            label=label,
            assignment=assignment,
            seed=seed,
            checkpoint=search.directory.checkpoint_file if (label, seed) == (FINALIST, first) else None,
        )
        for seed in search.seeds.confirmation
        for label, assignment in models.items()
    ]
    entries = search.trainings.run(jobs)
    for place, label in enumerate(models):
        failures = [entry.error for entry in entries[place::3] if entry.state == "failed"]
        if len(failures) == len(search.seeds.confirmation):
            raise SearchFailedError(
                f"Every training of the {label} failed in the confirmation: {failures[0]}"
            )
    return Confirmed(finalist=entries[0::3], original=entries[1::3], uniform=entries[2::3])


def _trial(search: Search, proposal: Proposal, running: Iterable[Proposal]) -> Job:
    """Return the training of a proposal; an assignment that is asked for again gets its next seed."""
    key = key_of(proposal.assignment)
    earlier = sum(entry.key == key for entry in search.ledger.of("trial"))
    beside = sum(key_of(other.assignment) == key for other in running)
    return Job(
        phase="trial",
        label=proposal.label,
        assignment=proposal.assignment,
        seed=search.seeds.search[earlier + beside],
        trial=proposal.trial,
    )
