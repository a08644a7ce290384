"""The search as the policy guides it: whole trainings, short ones if they may be, all pooled."""

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from statistics import median

from autoact.search.ledger import Entry
from autoact.search.policy import Belief, Names, Outcome, Problem, Step, beliefs, next_steps, ranking
from autoact.search.recommendation import assignment_of
from autoact.search.record import Record
from autoact.search.state import Search
from autoact.search.task import Job
from autoact.search.trainings import first_finished
from autoact.search.tuned import Tuned
from autoact.search.vocabulary import Vocabulary
from autoact.spaces import Assignment

PRIOR_CHOICE = "prior's choice"
ORIGINAL = "original"
_CHEAP = 0.25  # of a full training: up to here every uniform assignment is among the first that are tried
_DECADES = 100.0  # between the median and the best: from here on losses are compared by ratio
_SAME = 1e-6  # between two shares of a training that are one


@dataclass(frozen=True)
class Guided:
    """A search whose trainings the policy chooses.

    Attributes:
        search: The search.
        prior: What the mixture derived; None without one.
        cost: What the mixture cost, in full trainings.
        words: What the policy's names stand for.
    """

    search: Search
    prior: Assignment | None
    cost: float
    words: Vocabulary

    @classmethod
    def of(cls, search: Search) -> "Guided":
        """Return the guided search of a run whose prior has been trained."""
        found = next(search.ledger.of("prior"), None)
        prior = assignment_of(found.assignment) if found and found.usable and found.assignment else None
        cost = found.share if found else 0.0
        return cls(search, prior, cost, Vocabulary.of(search.variables, prior))

    @property
    def problem(self) -> Problem | None:
        """What the policy is asked; None where the prior has used up the budget."""
        settings, rungs = self.search.settings, self.search.rungs
        left = settings.budget - self.cost
        if left < rungs.fractions[0] - _SAME:
            return None
        return Problem(
            candidates=self.words.candidates,
            budget=left,
            fractions=rungs.fractions,
            minimize=settings.minimize,
            carry=rungs.carry,
            seed=settings.seed,
            first=tuple(self._first()),
        )

    def run(self, record: Record) -> None:
        """Train what the policy asks for until the budget or the time is spent."""
        problem = self.problem
        running: dict[Future[Entry], Step] = {}
        try:
            while problem is not None:
                free = self.search.trainings.workers - len(running)
                over = self.search.clock.over()
                steps = [] if over else next_steps(problem, self.history(), list(running.values()), free)
                running |= {self._start(step, record): step for step in steps}
                if not running:
                    break
                for future in first_finished(running):
                    del running[future]
                    self._finish(future, record)
        finally:
            record.close()
        shutil.rmtree(self.search.directory.states, ignore_errors=True)

    def history(self) -> list[Outcome]:
        """Return what the policy may know: every training of the search, with the values that it passed."""
        by_ratio = self.by_ratio()
        return [self._outcome(entry, entry.run or 0, by_ratio) for entry in self.entries()]

    def by_ratio(self) -> bool:
        """Tell whether values are compared by their logarithms: losses whose best is decades below the rest.

        On their own scale, what is ten times better than the second best would look like the same.
        """
        values = [entry.selection for entry in self.entries() if entry.usable]
        if not values or not self.search.settings.minimize or min(values) <= 0:
            return False
        return median(values) > _DECADES * min(values)

    def entries(self) -> list[Entry]:
        """Return the trainings of the search that are done."""
        return [entry for entry in self.search.ledger.of("trial") if entry.assignment is not None]

    def ranking(self) -> list[Belief]:
        """Return what is believed of everything that was tried, the best first; nothing if nothing trains."""
        history = self.history()
        if self.problem is None or all(outcome.failed for outcome in history):
            return []
        return list(map(self._plain, ranking(self.problem, history)))

    def beliefs(self, names: Sequence[Names], evidence: Iterable[Entry] = ()) -> list[Belief]:
        """Return what is believed of some assignments, with other full trainings as further evidence."""
        assert self.problem is not None
        numbers: dict[int, int] = {}
        history = self.history()
        unused = 1 + max((outcome.step.run for outcome in history), default=0)  # as a number of a seed
        for entry in evidence:
            number = numbers.setdefault(entry.seed, unused + len(numbers))
            whole = replace(entry, start=0.0, stop=1.0)
            history.append(self._outcome(whole, number, self.by_ratio()))
        return list(map(self._plain, beliefs(self.problem, history, names)))

    def _plain(self, belief: Belief) -> Belief:
        """Return a belief in the metric's own units."""
        if not self.by_ratio():
            return belief
        middle = math.exp(belief.mean)
        return replace(belief, mean=middle, deviation=middle * belief.deviation)

    def best(self) -> Tuned | None:
        """Return the choice of the search; without any trial the prior's."""
        ranked = self.ranking()
        if ranked:
            return Tuned(self.words.assignment(ranked[0].assignment))
        return Tuned(self.prior) if self.prior is not None and not self.entries() else None

    def names(self, entry: Entry) -> Names:
        """Return the policy's names for what a training of the search trained."""
        found = self.words.names(assignment_of(entry.assignment or {}))
        assert found is not None, "every training of the search comes from these names"
        return found

    def represents(self, entry: Entry) -> bool:
        """Tell whether a training's assignment is one that the policy has names for."""
        return self.words.names(assignment_of(entry.assignment or {})) is not None

    def _first(self) -> list[Names]:
        variables = self.search.variables
        cheap = self.search.rungs.fractions[0] <= _CHEAP
        uniform = [variables.uniform(name) for name in variables.names] if cheap else []
        given = [*([self.prior] if self.prior is not None else []), variables.original, *uniform]
        found = [self.words.names(assignment) for assignment in given]
        return list(dict.fromkeys(names for names in found if names is not None))

    def _start(self, step: Step, record: Record) -> "Future[Entry]":
        assignment = self.words.assignment(step.assignment)
        key, seed = Tuned(assignment).key, self.search.seeds.of_run(step.run)
        earlier = [entry for entry in self.entries() if (entry.key, entry.seed) == (key, seed)]
        trial = record.begin(assignment, self._label(step.assignment, earlier), earlier)
        if earlier and earlier[-1].ended:  # by itself, before its last step: nothing is left to do
            over = replace(earlier[-1], trial=trial, start=step.start, stop=step.stop, steps=0, seconds=0.0)
            future: Future[Entry] = Future()
            future.set_result(replace(over, share=0.0, curve=(), at=()))
            return future
        return self.search.trainings.start(
            Job(
                phase="trial",
                label=record.label(trial),
                assignment=assignment,
                seed=seed,
                trial=trial,
                run=step.run,
                start=step.start,
                stop=step.stop,
                share=step.cost(self.search.rungs.carry),
                states=self.search.directory.states if self.search.rungs.carry else None,
            )
        )

    def _finish(self, future: "Future[Entry]", record: Record) -> None:
        entry = self.search.trainings.finish(future)
        record.tell(entry)
        job = Job(
            phase=entry.phase,
            label=entry.label,
            assignment=assignment_of(entry.assignment or {}),
            seed=entry.seed,
            states=self.search.directory.states,
        )
        used = job.state(entry.start)
        if used is not None:
            used.unlink(missing_ok=True)

    def _label(self, names: Names, earlier: Sequence[Entry]) -> str | None:
        """Return what a training is called; None leaves it to its number."""
        if earlier:
            return earlier[0].label
        known: Mapping[str, Assignment | None] = {
            PRIOR_CHOICE: self.prior,
            ORIGINAL: self.search.variables.original,
        }
        own = (
            label for label, given in known.items() if given is not None and self.words.names(given) == names
        )
        tried = any(self.names(entry) == names for entry in self.entries())
        return None if tried else next(own, None)

    def _outcome(self, entry: Entry, run: int, by_ratio: bool) -> Outcome:
        step = Step(self.names(entry), run, entry.start, entry.stop)
        if not entry.usable or (by_ratio and entry.selection <= 0):
            return Outcome(step)
        passed = zip(entry.at, entry.curve, strict=True)
        values = {
            fraction: value
            for share, value in passed
            for fraction in self.search.rungs.fractions
            if abs(share - fraction) < _SAME and entry.start < fraction < entry.stop
        }
        values[entry.stop] = entry.selection
        if by_ratio:
            values = {fraction: math.log(value) for fraction, value in values.items() if value > 0}
        return Outcome(step, values)
