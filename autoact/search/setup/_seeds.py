"""Seeds of trainings: all follow from one, and no phase shares any with another."""

from dataclasses import dataclass

import numpy as np

from autoact.search.setup._settings import Settings

# Half of them are spread evenly: over three decades of a learning rate they lie 0.75 apart.
_TRIALS_PER_HYPERPARAMETER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of a search by phase.

    Attributes:
        search: Seeds that the trials take in turn; the mixture takes the first.
        selection: Seeds of the uniform baselines, which choose the best of them.
        confirmation: Fresh seeds on which the selected model and the baselines are compared.
    """

    search: tuple[int, ...]
    selection: tuple[int, ...]
    confirmation: tuple[int, ...]

    def trial(self, number: int) -> int:
        """Return the seed of the search with a number, from 0, however many there are."""
        if number < len(self.search):
            return self.search[number]
        entropy = [self.search[0], number, 2]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)

    def number(self, seed: int, trial: int) -> int:
        """Return the number of a trial's seed.

        Args:
            seed: The seed.
            trial: Number of the trial; seeds have at most as many more numbers as there are trials.

        Raises:
            ValueError: The seed is none of such a trial.
        """
        for number in range(len(self.search) + trial):
            if self.trial(number) == seed:
                return number
        raise ValueError(f"seed {seed} is none of the search's")


def seeds_for(settings: Settings) -> Seeds:
    """Derive all seeds of a search; the same settings give the same seeds.

    Example:
        >>> seeds = seeds_for(Settings(monitor="val_loss", budget=4, seeds=2))
        >>> len({*seeds.search, *seeds.selection, *seeds.confirmation})
        9
    """
    numbers = (settings.budget + least_tuning(settings), settings.selection_seeds, settings.seeds)
    drawn = _distinct(settings.seed, sum(numbers))
    first, second = numbers[0], numbers[0] + numbers[1]
    return Seeds(search=drawn[:first], selection=drawn[first:second], confirmation=drawn[second:])


def least_tuning(settings: Settings) -> int:
    """Return the trials that each baseline gets at least, however small the budget of the search is."""
    return _TRIALS_PER_HYPERPARAMETER * len(settings.hyperparameters)


def _distinct(seed: int, wanted: int) -> tuple[int, ...]:
    length = wanted
    while True:
        # 31 bits: seeds that every library takes, as positive numbers that people can type
        drawn = np.random.SeedSequence([seed, 0]).generate_state(length) >> 1
        unique = list(dict.fromkeys(int(value) for value in drawn))
        if len(unique) >= wanted:
            return tuple(unique[:wanted])
        length += wanted - len(unique)
