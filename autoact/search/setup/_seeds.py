"""Which seed each training gets: all follow from one, and no phase shares any with another."""

from dataclasses import dataclass

import numpy as np
from autoact.search.settings import Settings

# Half of them are spread evenly: over three decades of a learning rate they lie 0.75 apart.
_TRIALS_PER_HYPERPARAMETER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of a search by phase.

    Attributes:
        search: Seeds that the trainings of the search share as the policy says; the mixture takes the first.
            Where hyperparameters are searched, too, the n-th is that of any assignment's n-th training.
        selection: Seeds of the uniform baselines, which choose the best of them.
        confirmation: Fresh seeds on which finalist and baselines are compared.
    """

    search: tuple[int, ...]
    selection: tuple[int, ...]
    confirmation: tuple[int, ...]

    def of_run(self, run: int) -> int:
        """Return the search's seed of a number, from 0, however many there are."""
        if run < len(self.search):
            return self.search[run]
        entropy = [self.search[0], run, 2]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


def seeds_for(settings: Settings) -> Seeds:
    """Derive all seeds of a search; the same settings give the same seeds.

    Example:
        >>> seeds = seeds_for(Settings(monitor="val_loss", budget=4, seeds=2))
        >>> len({*seeds.search, *seeds.selection, *seeds.confirmation})
        9
    """
    counts = (settings.budget + least_tuning(settings), settings.selection_seeds, settings.seeds)
    drawn = _distinct(settings.seed, sum(counts))
    first, second = counts[0], counts[0] + counts[1]
    return Seeds(search=drawn[:first], selection=drawn[first:second], confirmation=drawn[second:])


def least_tuning(settings: Settings) -> int:
    """Return the trials that each baseline gets at least, however small the budget of the search is."""
    return _TRIALS_PER_HYPERPARAMETER * len(settings.hyperparameters)


def sampler_seed(seed: int, trial: int) -> int:
    """Return the sampler's seed for one trial, so that a resumed study asks as an undisturbed one would."""
    return int(np.random.SeedSequence([seed, trial, 1]).generate_state(1)[0])


def _distinct(seed: int, count: int) -> tuple[int, ...]:
    length = count
    while True:
        # 31 bits: seeds that every library takes, as positive numbers that people can type
        drawn = np.random.SeedSequence([seed, 0]).generate_state(length) >> 1
        unique = list(dict.fromkeys(int(value) for value in drawn))
        if len(unique) >= count:
            return tuple(unique[:count])
        length += count - len(unique)
