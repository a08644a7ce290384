"""Confirmation: selected model, original and best uniform on fresh paired seeds and comparison data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._baselines import again
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

    Args:
        search: The search.
        models: The three, in this order, by label.

    Raises:
        SearchFailedError: A model of the verdict raised on every seed, or the comparison data gave no number
            at all.
    """
    asked = [
        again(model, "confirmation", label, seed)
        for seed in search.seeds.confirmation
        for label, model in models.items()
    ]
    extras = Extras(checkpoint=search.directory.checkpoint_file)
    done = search.trainings.run(asked, extras)
    if any(training.raised for training in done):  # out of memory, a disk that was full: mostly gone by now
        done = search.trainings.run(asked, extras, again=True)
    for place, label in enumerate([*models][:2]):
        errors = [training.error for training in done[place::3] if training.raised]
        if len(errors) == len(search.seeds.confirmation):
            raise SearchFailedError(
                f"Every training of the {label} model failed in the confirmation: {errors[0]}"
            )
    confirmed = Confirmed(selected=done[0::3], original=done[1::3], uniform=done[2::3])
    _require_values(search, [*confirmed.selected, *confirmed.original])
    return confirmed


def _require_values(search: Search, trainings: Sequence[Training]) -> None:
    """Raise SearchFailedError if neither model of the verdict has a single value on the comparison data."""
    if any(training.comparison is not None and math.isfinite(training.comparison) for training in trainings):
        return
    trained = sum(math.isfinite(training.selection) for training in trainings)
    raise SearchFailedError(
        f"The comparison data gave no finite {search.settings.monitor}, with the chosen activations or the "
        f"original model, on any of {len(search.seeds.confirmation)} seeds; on the selection data {trained} "
        f"of {len(trainings)} trainings ended finite. Look for NaN or infinity in the comparison data, "
        "correct them and start a new run."
    )
