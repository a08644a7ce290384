"""Plan of a search: what it is going to do and what that costs, told before it starts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoact._card import card
from autoact.errors import counted, log
from autoact.records import Costs, Stack, Value
from autoact.report import MIXTURE, duration, number
from autoact.search.setup import FIRST_TRAININGS, Counts, Settings, Variables
from autoact.training.fit import devices_of

_WITHOUT = "no mixture is trained first: {}; fixed activations need none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """A search before it starts.

    Attributes:
        task: What the model is called.
        space: Name of the search space.
        variables: The layers, their present activations and candidates.
        left_alone: Reason by path of activations that are not searched.
        notes: What the space says about members of families that do not fit.
        own: The model's values of the hyperparameters that are searched, where they are known.
        settings: The settings.
        comparison: Where the comparison data come from.
        planned_steps: Optimizer steps of one training, infinite where unknown; NaN without a probe.
        seconds: Estimated wall time of one training, or its part of that of a stack; NaN where unknown.
        deciding: Estimated wall time of choosing all trainings of the search.
        no_mixture: Why a model has no mixture, "" if it has one.
        doubts: What would make the verdict say something else than is asked.
        stack: How many trainings are done as one.
        costs: Second goal, where there is one.

    Example:
        >>> from autoact import run_search
        >>> result = run_search(objective=lambda assignment, seed, fraction: 1.0, layers=["a"], mode="min",
        ...                     space=["relu", "tanh"], budget=4, dry_run=True, quiet=True)
        >>> type(result.plan).__name__, result.plan.counts.search
        ('SearchPlan', 4)
    """

    task: str
    space: str
    variables: Variables
    left_alone: Mapping[str, str]
    settings: Settings
    comparison: str
    planned_steps: float = math.nan
    seconds: float = math.nan
    deciding: float = 0.0
    notes: tuple[str, ...] = ()
    own: Mapping[str, Value] = field(default_factory=dict)
    no_mixture: str = ""
    doubts: tuple[str, ...] = ()
    stack: Stack = field(default_factory=Stack)
    costs: Costs | None = None

    @property
    def counts(self) -> Counts:
        """Trainings per phase."""
        return Counts.of(self.settings, self.variables)

    @property
    def whole(self) -> float:
        """Estimated wall time of everything: workers share the trainings, one process decides."""
        return self._training / self.settings.parallel + self.deciding

    @property
    def _training(self) -> float:
        """Estimated seconds of all trainings one after the other; those that no stack takes are slower."""
        return self.seconds * (self.counts.total + (self.stack.gain - 1) * self._alone)

    @property
    def _alone(self) -> int:
        """Number of trainings that are not part of a stack."""
        counts = self.counts
        if self.settings.parameters:
            return counts.search + counts.tuning
        later = max(counts.search - FIRST_TRAININGS, 0) if self.stack.round == 1 else 0
        return counts.one_shot + later

    def __repr__(self) -> str:
        """Return task, number of layers and cost in one line."""
        layers = sum(len(variable.layers) for variable in self.variables)
        counts = f"{counted(layers, 'layer')}, {counted(self.counts.total, 'training')}"
        return f"SearchPlan({self.task}, {counts}, {self._length()})"

    def _repr_html_(self) -> str:
        """Return layers, data and cost for a notebook."""
        rows = [
            (path, MIXTURE if now is None else now, ", ".join(variable.candidates))
            for variable in self.variables
            for path, now in variable.layers.items()
        ]
        title = f"{self.task}: plan of a search"
        return card(title, ["layer", "now", "candidates"], rows, [*self._data(), *self._cost()])

    def announce(self, *, quiet: bool) -> None:
        """Print the plan, or quietly warn of its doubts alone.

        Args:
            quiet: Whether nothing is printed.
        """
        for doubt in self.doubts if quiet else ():
            log.warning("%s", doubt)
        if not quiet:
            print(self.describe())

    def describe(self) -> str:
        """Return the plan as people read it."""
        return "\n".join([*self._layers(), "", *self._data(), "", *self._cost()])

    def _layers(self) -> list[str]:
        rows = [
            (path, MIXTURE if now is None else str(now), ", ".join(v.candidates))
            for v in self.variables
            for path, now in v.layers.items()
        ]
        paths, present = (max(len(row[column]) for row in rows) for column in (0, 1))
        choose = "chooses its" if len(rows) == 1 else "choose their"
        lines = [f"{self.task}: {counted(len(rows), 'layer')} {choose} activation"]
        lines += [f"  {path:<{paths}}  {now:<{present}}  from {names}" for path, now, names in rows]
        lines += [f"  {path}  left alone: {reason}" for path, reason in self.left_alone.items()]
        notes = [*self.notes, *([_WITHOUT.format(self.no_mixture)] if self.no_mixture else [])]
        return lines + [f"  {note}" for note in notes] + self._hyperparameters()

    def _hyperparameters(self) -> list[str]:
        searched = self.settings.hyperparameters
        width = max((len(one.name) for one in searched), default=0)
        known = [f", now {self.own[one.name]}" if one.name in self.own else "" for one in searched]
        lines = [f"  {one.name:<{width}}  {one}{now}" for one, now in zip(searched, known, strict=True)]
        return ["Searched with the activations", *lines] if lines else []

    def _data(self) -> list[str]:
        best = "smallest" if self.settings.minimize else "largest"
        data = " on validation data" if self.variables.mixture or self.no_mixture else ""
        wins = f"The {best} {self.settings.monitor}{data} wins; compared on: {self.comparison}"
        return [wins, *self._second_goal(), *(f"Warning: {doubt}" for doubt in self.doubts)]

    def _second_goal(self) -> list[str]:
        if self.costs is None:
            return []
        low, high = (number(value) for value in self.costs.range)
        now, unit = number(self.costs.original), self.costs.unit
        return [
            f"Second goal: {self.costs.goal}, now {now} {unit}, {low} to {high} with other activations;",
            f"  up to {self.counts.front} models that cost less than the selected are compared, too",
        ]

    def _cost(self) -> list[str]:
        counts, settings = self.counts, self.settings
        names = max(len(str(counts.total)), 3)
        rows = [
            (counts.search, f"search ({self._search()})"),
            *self._tuning(),
            (
                counts.baselines,
                f"baselines ({counted(counts.models, 'model')} raced, "
                f"{counted(counts.selected_from, 'finalist')} on "
                f"{counted(settings.selection_seeds, 'fresh seed')})",
            ),
            (counts.confirmation, self._confirmation()),
            (counts.total, f"in all, {self._length()}"),
            *([("", self._within(self.settings.hours))] if self.settings.hours is not None else []),
        ]
        return [
            "Cost in trainings",
            *(f"  {count:>{names}}  {what}" for count, what in rows),
            *self._stacks(),
            *self._place(),
            *self._devices(),
            *self._limits(),
        ]

    def _devices(self) -> list[str]:
        """Return that trainings have several devices, which the probe has not."""
        devices = devices_of(self.settings.trainer)
        return [f"Each on {devices} devices; steps and time are those on one"] if devices > 1 else []

    def _limits(self) -> list[str]:
        """Return what ends a training."""
        seconds, gigabytes = self.settings.training_timeout or math.inf, self.settings.memory_limit
        limits = [duration(seconds)] if seconds < math.inf else []
        limits += [f"{gigabytes:g} GB of memory"] if gigabytes is not None else []
        return [f"A training that takes more than {' or '.join(limits)} is ended as failed"] if limits else []

    def _stacks(self) -> list[str]:
        """Return whether trainings are done as one, and why not where they were meant to be."""
        stack = self.stack
        if stack.size > 1:
            faster = "" if stack.speed is None else f", {stack.speed:.1f} times as fast as one by one"
            later = "one by one" if stack.round == 1 else f"{stack.round} at a time"
            trials = (
                ""
                if stack.round == stack.size
                else f"; after the first {FIRST_TRAININGS}, trials come {later}"
            )
            return [f"Up to {stack.size} trainings are done as one batched model{faster}{trials}"]
        return [f"Trained one by one: {stack.reason}"] if stack.reason else []

    def _place(self) -> list[str]:
        """Return where trainings run, unless it is here."""
        settings = self.settings
        where = f"Trained elsewhere ({settings.to_dict()['executor']}), {settings.parallel} at the same time"
        return [] if settings.is_local else [f"{where}; what one takes was measured here"]

    def _confirmation(self) -> str:
        *early, most = self.settings.planned_looks
        looks = f", fewer if {' or '.join(map(str, early))} decide" if early else ""
        return f"confirmation (at most {self.counts.compared} models on {most} fresh seeds{looks})"

    def _search(self) -> str:
        mixture = "1 mixture, " if self.counts.one_shot else ""
        return f"{mixture}{counted(self.counts.trials, 'trial')}"

    def _within(self, hours: float) -> str:
        """Return what fits into the time of the run: first trials are cut, then seeds of the confirmation."""
        time, wanted, counts = f"within {duration(3600 * hours)}", self.settings.seeds, self.counts
        if not math.isfinite(self.seconds) or self.seconds <= 0:
            return f"{time}: the search ends early enough for baselines and confirmation"
        each = self._training / counts.total
        room = (3600 * hours - self.deciding) * self.settings.parallel // each
        trials, seeds = counts.cut(int(max(min(room, counts.total), 0)))
        if room >= counts.total:
            return f"{time}: everything fits"
        if seeds == wanted:
            return f"{time}: about {trials} of {counts.trials} trials fit before the rest"
        if seeds >= 2:
            return f"{time}: no trials fit, and the confirmation on about {seeds} of {wanted} seeds"
        return f"{time}: not even baselines and a confirmation on 2 seeds fit; resuming adds hours"

    def _tuning(self) -> list[tuple[int, str]]:
        counts = self.counts
        if not counts.tuning:
            return []
        least = counts.tuning_each > counts.trials
        why = "the least for a fair comparison" if least else "as many as the search tries"
        return [
            (
                counts.tuning,
                f"tuning of the baselines ({counted(counts.tuned, 'model')}, "
                f"{counts.tuning_each} each: {why})",
            )
        ]

    def _length(self) -> str:
        steps = (
            f"{self.planned_steps:,.0f} steps each"
            if math.isfinite(self.planned_steps)
            else "of unknown length"
        )
        if not math.isfinite(self.seconds):
            return steps
        return f"{steps}, together about {duration(self.whole)} here"
