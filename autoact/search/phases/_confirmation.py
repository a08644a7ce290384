"""Confirmation: selected model, original and best uniform on fresh paired seeds and comparison data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._baselines import again
from autoact.search.phases._remaining import out_of_time
from autoact.search.study import Search
from autoact.search.trainings import Extras


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The trainings of the confirmation, one per seed in the order of the seeds."""

    selected: list[Training]
    original: list[Training]
    uniform: list[Training]


def confirm(search: Search, models: Mapping[str, Training]) -> Confirmed:
    """Train selected model, original and best uniform on fresh paired seeds; measure them on comparison data.

    What raises is done once more; what raises again is no divergence, and its seed is compared with nothing.
    Where time is limited, it is done on as many seeds as fit.

    Args:
        search: The search.
        models: The three, in this order, by label.

    Raises:
        SearchFailedError: Time is left for less than two seeds, a model of the verdict raised on every seed,
            or the comparison data gave no number at all.
    """
    extras = Extras(checkpoint=search.directory.checkpoint_file)
    pairs = _Pairs(search, models)
    while (more := pairs.next()) > pairs.complete:
        search.trainings.run(pairs.asked(more), extras)
    if pairs.complete < 2:
        raise out_of_time(search, "before two seeds of the confirmation are done")
    asked = pairs.asked(pairs.complete)
    done = search.trainings.run(asked, extras)
    if any(training.raised for training in done):  # out of memory, a disk that was full: mostly gone by now
        done = search.trainings.run(asked, extras, again=True)
    for place, label in enumerate([*models][:2]):
        errors = [training.error for training in done[place::3] if training.raised]
        if len(errors) == pairs.complete:
            raise SearchFailedError(
                f"Every training of the {label} model failed in the confirmation: {errors[0]}"
            )
    confirmed = Confirmed(selected=done[0::3], original=done[1::3], uniform=done[2::3])
    _require_values(search, [*confirmed.selected, *confirmed.original])
    return confirmed


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The trainings of the confirmation by seed: those that are done, and those that time allows."""

    search: Search
    models: Mapping[str, Training]

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
        most = len(self.search.seeds.confirmation)
        if limit.hours is not None:
            most = self.complete + self.search.trainings.workers
        return min(self.within(limit.room), most)

    def within(self, room: float) -> int:
        """Return on how many seeds, from the first on, all is done after so many more trainings."""
        done = {(training.key, training.seed) for training in self.search.confirmations}
        keys = {model.key for model in self.models.values()}
        for count, seed in enumerate(self.search.seeds.confirmation):
            room -= sum((key, seed) not in done for key in keys)
            if room < 0:
                return count
        return len(self.search.seeds.confirmation)


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
