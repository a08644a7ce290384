"""Confirmation: selected model, original and best uniform on fresh paired seeds and comparison data."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from autoact.errors import SearchFailedError
from autoact.records import Comparison, Look, Training, front_checkpoint
from autoact.search.phases._baselines import again
from autoact.search.phases._remaining import out_of_time
from autoact.search.statistics import compare_trainings, is_hopeless
from autoact.search.study import MEMBER, ORIGINAL, SELECTED, Search
from autoact.search.trainings import NO_EXTRAS, Extras, ModelTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The trainings of the confirmation, one per seed in the order of the seeds; the verdict follows."""

    selected: list[Training]
    original: list[Training]
    uniform: list[Training]
    cut: bool = False  # by the time of the run
    front: Mapping[str, list[Training]] = field(default_factory=dict)  # of a search for two goals, by label

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that were spent."""
        return tuple(training.seed for training in self.selected)

    def against(self, search: Search, name: str) -> Comparison:
        """Return the comparison with the original, or else with the best uniform assignment of that name."""
        other = self.original if name == ORIGINAL else self.uniform
        return self._compared(search, self.selected, other, name, search.level)

    def of_front(self, search: Search, label: str, level: float) -> Comparison:
        """Return the comparison of a model of the front, or of the selected one, with the original.

        Args:
            search: The search.
            label: Of the model.
            level: Confidence of the interval, over all looks.
        """
        trainings = self.selected if label == SELECTED else self.front[label]
        return self._compared(search, trainings, self.original, ORIGINAL, level)

    def _compared(
        self, search: Search, ours: list[Training], theirs: list[Training], name: str, level: float
    ) -> Comparison:
        return compare_trainings(
            ours,
            theirs,
            search.settings.direction,
            name=name,
            looks=search.settings.planned_looks,
            level=level,
            has_rows=isinstance(search.trainings.task, ModelTask),
        )

    def first(self, count: int) -> "Confirmed":
        """Return what was known when so many seeds were spent."""
        return Confirmed(
            selected=self.selected[:count], original=self.original[:count], uniform=self.uniform[:count]
        )

    def looks(self, search: Search) -> tuple[Look, ...]:
        """Return the comparisons with the original that were looked at, in order."""
        most, planned, question = len(self.selected), search.settings.planned_looks, search.questions[-1]
        before = question.looks if question.is_extended(planned) else planned
        made = [*(count for count in before if count < most), most]
        return tuple(Look.of(count, self.first(count).against(search, ORIGINAL)) for count in made)


def confirm(
    search: Search, models: Mapping[str, Training], seen: Callable[[Look], None] = lambda look: None
) -> Confirmed:
    """Train selected model, original and best uniform on fresh paired seeds; measure them on comparison data.

    It ends at the first look that decides, or after which more seeds would hardly decide. What raises is done
    once more; what raises again is no divergence, and its seed is compared with nothing. Where time is
    limited, it is done on as many seeds as fit. Seeds added after a verdict are trained to the last.

    Args:
        search: The search.
        models: The three, in this order, by label; then those of the front.
        seen: Told of each look.

    Raises:
        SearchFailedError: Time is left for less than two seeds, a model of the verdict raised on every seed,
            or the comparison data gave no number at all.
    """
    looks = search.settings.planned_looks
    for count in looks[-1:] if search.questions[-1].is_extended(looks) else looks:
        confirmed = _trained(search, models, count)
        _require_trained(confirmed)
        found = confirmed.against(search, ORIGINAL)
        seen(Look.of(len(confirmed.selected), found))
        if confirmed.cut or found.verdict != "no significant difference" or is_hopeless(found, looks, count):
            break
    _require_values(search, [*confirmed.selected, *confirmed.original])
    return confirmed


def _trained(search: Search, models: Mapping[str, Training], count: int) -> Confirmed:
    """Train what is missing of the first seeds; what raises is done once more."""
    extras = _checkpoints(search, models)
    pairs = _Pairs(search, models, count)
    while (more := pairs.next()) > pairs.complete:
        search.trainings.run(pairs.asked(more), *extras)
    if pairs.complete < 2:
        raise out_of_time(search, "before two seeds of the confirmation are done")
    asked = pairs.asked(pairs.complete)
    done = search.trainings.run(asked, *extras)
    if any(training.raised for training in done):  # out of memory, a disk that was full: mostly gone by now
        done = search.trainings.run(asked, *extras, again=True)
    by_model = {label: done[place :: len(models)] for place, label in enumerate(models)}
    selected, original, uniform, *front = by_model
    return Confirmed(
        selected=by_model[selected],
        original=by_model[original],
        uniform=by_model[uniform],
        cut=pairs.complete < count,
        front={label: by_model[label] for label in front},
    )


def _checkpoints(search: Search, models: Mapping[str, Training]) -> list[Extras]:
    """Return where each model is saved as the first seed trains it; of equal ones the first is trained."""
    directory = search.directory
    files = {SELECTED: directory.checkpoint_file, ORIGINAL: directory.original_checkpoint_file}
    members = [label for label in models if label.startswith(f"{MEMBER} ")]
    files |= {label: front_checkpoint(directory.path, label.split()[1]) for label in members}
    own = [[files[k] for k in files if models[k].key == model.key] for model in models.values()]
    return [Extras(checkpoint=same[0]) if same else NO_EXTRAS for same in own]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The trainings of the confirmation by seed: those that are done, and those that time allows."""

    search: Search
    models: Mapping[str, Training]
    most: int

    def asked(self, count: int) -> list[Training]:
        """Return the trainings on the first seeds."""
        return [
            again(model, "confirmation", label, seed)
            for seed in self.search.seeds.confirmation[:count]
            for label, model in self.models.items()
        ]

    @property
    def complete(self) -> int:
        """How many seeds, from the first on, have all of their trainings."""
        return self.within(0)

    def next(self) -> int:
        """Return on how many seeds to train now; with limited time few, until the next look at the clock."""
        limit = self.search.limit
        trainings = self.search.trainings
        stack = max(trainings.stack.size // len(self.models), 1)
        few = self.most if limit.hours is None else self.complete + trainings.workers * stack
        return min(self.within(limit.room), few)

    def within(self, room: float) -> int:
        """Return on how many seeds, from the first on, all is done after so many more trainings."""
        done = {(training.key, training.seed) for training in self.search.confirmations}
        keys = {model.key for model in self.models.values()}
        for count, seed in enumerate(self.search.seeds.confirmation[: self.most]):
            room -= sum((key, seed) not in done for key in keys)
            if room < 0:
                return count
        return self.most


def _require_trained(confirmed: Confirmed) -> None:
    """Raise SearchFailedError if a model of the verdict raised on every seed."""
    for label, same in ((SELECTED, confirmed.selected), (ORIGINAL, confirmed.original)):
        errors = [training.error for training in same if training.raised]
        if len(errors) == len(same):
            raise SearchFailedError(
                f"Every training of the {label} model failed in the confirmation: {errors[0]}"
            )


def _require_values(search: Search, trainings: Sequence[Training]) -> None:
    """Raise SearchFailedError if neither model of the verdict has a single value on the comparison data."""
    if any(training.comparison is not None and math.isfinite(training.comparison) for training in trainings):
        return
    trained = sum(math.isfinite(training.selection) for training in trainings)
    raise SearchFailedError(
        f"The comparison data gave no finite {search.settings.monitor}, with the chosen activations or the "
        f"original model, on any of {len(trainings) // 2} seeds; on the selection data {trained} "
        f"of {len(trainings)} trainings ended finite. Look for NaN or infinity in the comparison data, "
        "correct them and start a new run."
    )
