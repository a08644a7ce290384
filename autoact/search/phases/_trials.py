"""The trials of a study and the repeats of its best few, on the search's seeds."""

from collections.abc import Iterable
from concurrent.futures import Future

from autoact.search.ledger import Entry
from autoact.search.recommendation import Evidence, contenders
from autoact.search.seeds import least_tuning
from autoact.search.stage import SEARCH_STAGE, Stage
from autoact.search.state import Search
from autoact.search.study import ActivationStudy, Proposal
from autoact.search.task import Job

from autoact.search.trainings import first_finished


def run_trials(search: Search, study: ActivationStudy, stage: Stage) -> None:
    """Ask and tell until the trials of the budget are done; a trial interrupted by anything is put back."""
    counts = search.counts
    planned = counts.trials if stage.baseline is None else tuning_trials(search)
    left = planned - sum(1 for _ in stage.trials(search.ledger))
    running: dict[Future[Entry], Proposal] = {}
    try:
        while left > 0 or running:
            if _over(search, stage):
                left = 0
            while left > 0 and len(running) < search.trainings.workers:
                proposal = study.ask()
                job = _trial(search, stage, proposal, running.values())
                running[search.trainings.start(job)] = proposal
                left -= 1
            for future in first_finished(running):
                del running[future]
                study.tell(search.trainings.finish(future))
    except BaseException:  # Ctrl-C and SIGTERM included: Optuna would keep the trial RUNNING for ever
        study.abandon()
        raise


def repeat_best(search: Search, stage: Stage) -> Evidence:
    """Try the best few again on fresh seeds; return all evidence."""
    evidence = Evidence(search.settings.minimize)
    evidence.add(stage.trials(search.ledger))
    left, turn = search.counts.reevaluations, 0
    while left > 0 and not _over(search, stage) and (again := contenders(evidence, turn, left)):
        jobs = [
            Job(
                phase=stage.repeat_phase,
                label=stage.repeat_label,
                assignment=tuned.assignment,
                hyperparameters=tuned.hyperparameters,
                seed=search.seeds.search[evidence.count(tuned.key)],
            )
            for tuned in again
        ]
        evidence.add(search.trainings.run(jobs))
        left, turn = left - len(jobs), turn + 1
    return evidence


def evidence_of(search: Search, stage: Stage) -> Evidence:
    """Return what the ledger holds of a study: its trials and their repeats."""
    evidence = Evidence(search.settings.minimize)
    evidence.add(stage.trials(search.ledger))
    evidence.add(
        entry
        for entry in search.ledger.of(stage.repeat_phase)
        if entry.label == stage.repeat_label and entry.trial is None
    )
    return evidence


def tuning_trials(search: Search) -> int:
    """Return how many trials each baseline gets: as many as the search had, though time may have ended it."""
    had = sum(1 for _ in SEARCH_STAGE.trials(search.ledger))
    return max(had, least_tuning(search.settings)) if search.counts.tuned else 0


def _over(search: Search, stage: Stage) -> bool:
    """Tell whether the time of the search is over; baselines are tuned as the search was, in any time."""
    return stage.baseline is None and search.clock.over()


def _trial(search: Search, stage: Stage, proposal: Proposal, running: Iterable[Proposal]) -> Job:
    """Return the training of a proposal; one that is asked for again gets its next seed."""
    key = proposal.tuned.key
    earlier = sum(entry.key == key for entry in stage.trials(search.ledger))
    beside = sum(other.tuned.key == key for other in running)
    return Job(
        phase=stage.trial_phase,
        label=stage.baseline or proposal.label,
        assignment=proposal.assignment,
        hyperparameters=proposal.tuned.hyperparameters,
        seed=search.seeds.search[earlier + beside],
        trial=proposal.trial,
    )
