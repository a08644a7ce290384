"""Seeds of trainings: all follow from one, no phase shares any with another, and more of them only follow."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from autoact.search.setup._settings import Settings

# Half of them are spread evenly: over three decades of a learning rate they lie 0.75 apart.
_TRIALS_PER_HYPERPARAMETER = 8
RACED = 2  # seeds of the search on which the baselines are raced
_BITS = 29  # of each stream; two more tell the streams apart, so that every library takes the 31 as positive
_Stream = Literal["search", "selection", "confirmation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of a search by phase, each the beginning of an endless stream.

    Attributes:
        search: Seeds that trials and baselines take in turn; the mixture takes the first.
        selection: Seeds of the finalists, which chose none of them.
        confirmation: Fresh seeds on which the selected model and the baselines are compared.
        seed: What all follow from.
    """

    search: tuple[int, ...]
    selection: tuple[int, ...]
    confirmation: tuple[int, ...]
    seed: int

    def trial(self, number: int) -> int:
        """Return the seed of the search with a number, from 0, however many there are."""
        return _stream(self.seed, "search", _rounded(max(number + 1, len(self.search))))[number]

    def number(self, seed: int, trial: int) -> int:
        """Return the number of a trial's seed.

        Args:
            seed: The seed.
            trial: Number of the trial; seeds have at most as many more numbers as there are
                trials, and those that are left to the race of the baselines.

        Raises:
            ValueError: The seed is none of such a trial.
        """
        most = len(self.search) + trial + RACED
        place = _places(self.seed, _rounded(most)).get(seed, most)
        if place >= most:
            raise ValueError(f"seed {seed} is none of the search's")
        return place


def seeds_for(settings: Settings, used: int = 0) -> Seeds:
    """Derive all seeds of a search; the same settings give the same seeds, larger counts the same and more.

    Args:
        settings: The settings.
        used: Seeds of the confirmation that earlier questions of the run have used up.

    Example:
        >>> seeds = seeds_for(Settings(monitor="val_loss", budget=4, seeds=2))
        >>> len({*seeds.search, *seeds.selection, *seeds.confirmation})
        9
        >>> seeds_for(Settings(monitor="val_loss", seeds=6)).confirmation[:2] == seeds.confirmation
        True
    """
    return Seeds(
        search=_stream(settings.seed, "search", settings.planned_budget + least_tuning(settings)),
        selection=_stream(settings.seed, "selection", settings.selection_seeds),
        confirmation=_stream(settings.seed, "confirmation", used + settings.seeds)[used:],
        seed=settings.seed,
    )


def least_tuning(settings: Settings) -> int:
    """Return the trials that each baseline gets at least, however small the budget of the search is."""
    return _TRIALS_PER_HYPERPARAMETER * len(settings.hyperparameters)


def _rounded(wanted: int) -> int:
    """Return a power of two, at least as large: thousands of trials take a dozen streams."""
    return 1 << max(wanted - 1, 0).bit_length()


@lru_cache(maxsize=16)
def _places(seed: int, wanted: int) -> dict[int, int]:
    """Return the numbers of the first seeds of the search's stream."""
    return {own: number for number, own in enumerate(_stream(seed, "search", wanted))}


@lru_cache(maxsize=64)
def _stream(seed: int, name: _Stream, wanted: int) -> tuple[int, ...]:
    """Return the first seeds of a stream, all different; no other stream has any of them."""
    place, length = get_args(_Stream).index(name), wanted
    while True:
        drawn = np.random.SeedSequence([seed, place]).generate_state(length) >> (32 - _BITS)
        unique = list(dict.fromkeys((place << _BITS) + int(value) for value in drawn))
        if len(unique) >= wanted:
            return tuple(unique[:wanted])
        length += wanted - len(unique)
