"""Search of the package on a table: its sampler in a study, the mixture's choice first, seeds in turn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import numpy as np
from optuna.study import Study, StudyDirection, create_study
from optuna.trial import TrialState

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._gaussian_process import EXPECTED, GaussianProcess
from autoact.search.setup._counts import race
from scripts.benchmarks.replay._game import Game
from scripts.benchmarks.replay._study import Picks, best_trial, new_study, picks, tell
from scripts.benchmarks.tables import Landscape, Names, Prior

_MIXTURE = 1.0  # what training a mixture costs, in full trainings


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What `autoact search` does, with or without its parts.

    Args:
        prior: Name of the table's mixture to pay for, whose choice is tried first; None for none. Where the
            table lacks it, its cost is paid for nothing: a uniform assignment comes first.
        without: Terms of the covariance to leave out, by name in `EXPECTED`.
        posterior: Whether the posterior mean recommends; else the best value.
        seeds: Seeds that trainings take in turn; 0: each has its own.
        repeats: Seeds of whose values each training shows the mean at the cost of one: see `Game`.
        baselines: Seeds on which every uniform assignment is trained and told to the sampler; that counts as
            cost.
        first: Trials before these baselines.
        raced: Whether only the better half of them is trained on more than one of these seeds, and only
            finalists on those of the selection, which then count as cost: the best two of all, and the
            best uniform ones.
        selection: Seeds of their own on which the choice and all uniform assignments are trained at the end,
            beyond what is counted as cost: what is then believed to be best among them is recommended.
        rounds: Trials that are asked for before any of them is told, of each round; the last holds on.
        uniform: Whether it is asked for the best uniform assignment, by posterior mean, not for the best.
    """

    prior: str | None = None
    without: frozenset[str] = frozenset()
    posterior: bool = True
    seeds: int = 2
    repeats: int = 1
    baselines: int = 0
    first: int = 0
    raced: bool = False
    selection: int = 0
    rounds: tuple[int, ...] = (1,)
    uniform: bool = False

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play once for all costs that pay for a training."""
        game = Game(game.table, game.seed, paired=self.seeds > 0, repeats=self.repeats)
        layers, uniform = game.table.layers, uniform_assignments(game.table)
        sampler = FunctionSpaceSampler(
            seed=game.seed,
            seeds=max(self.seeds, 1),
            candidates=[dict(zip(layers, names, strict=True)) for names in uniform],
        )
        study = new_study(game, sampler)
        for names in self.enqueued(game):
            study.enqueue_trial(dict(zip(layers, names, strict=True)))
        paid = self.paid(game)
        with left_out(self.without):
            return picks(
                game,
                study,
                {cost: int(cost - paid) for cost in costs},
                partial(self.recommended, game, sampler),
                sampler.next_seed if self.seeds else None,
                {self.first: partial(self.told, game)},
                self.rounds,
            )

    def enqueued(self, game: Game) -> list[Names]:
        """Return what is tried first: the mixture's choice, without one a uniform assignment."""
        return [*self.derived(game), *uniform_assignments(game.table)][:1]

    def told(self, game: Game, study: Study) -> None:
        """Tell a study of the baselines."""
        left = uniform_assignments(game.table)
        sign = 1.0 if game.table.mode == "min" else -1.0
        for number in range(self.baselines):
            for names in left:
                tell(study, game, names, number)
            if self.raced and not number:
                values = {names: sign * game.value(game.index(names), 0) for names in left}
                left = sorted(left, key=lambda names: (math.isnan(values[names]), values[names]))
                left = left[: race(len(left), self.baselines)[0]]

    def recommended(self, game: Game, sampler: FunctionSpaceSampler, study: Study) -> Mapping[str, str]:
        """Return what is recommended after the trials of a study."""
        chosen = sampler.best_assignment(study) if self.posterior else best_trial(study)
        if not self.selection and not self.uniform:
            return chosen
        layers, found = game.table.layers, copied(study)
        uniform = [dict(zip(layers, names, strict=True)) for names in uniform_assignments(game.table)]
        models = [chosen, *uniform]
        if self.raced:
            models = finalists(sampler, found, uniform, race(len(uniform), self.selection)[1])
        for number in range(self.selection):
            for model in models if self.raced or not self.uniform else uniform:
                names = tuple(model[layer] for layer in layers)
                tell(found, game, names, game.table.seeds - 1 - number)
        return ranked(sampler, found, uniform if self.uniform else models)[0]

    def paid(self, game: Game) -> float:
        """Return what mixture and baselines cost, in full trainings."""
        count = len(uniform_assignments(game.table))
        later = race(count, self.baselines)[0] if self.raced else count
        before = float(count + (self.baselines - 1) * later) if self.baselines else 0.0
        before += race(count, self.selection)[1] * self.selection if self.raced and self.selection else 0
        if self.prior is None:
            return before
        priors = game.table.priors
        return before + (priors[self.prior].cost if self.prior in priors else _MIXTURE)

    def derived(self, game: Game) -> list[Names]:
        """Return what the mixture likes best, nothing without a mixture."""
        prior = game.table.priors.get(self.prior) if self.prior else None
        if prior is None:
            return []
        return [best_scored(prior, game.seed % len(prior.scores), game.table.candidates)]


def uniform_assignments(table: Landscape) -> list[Names]:
    """Return one assignment per candidate that all layers have."""
    shared = [name for name in table.candidates[0] if all(name in own for own in table.candidates)]
    return [(name,) * len(table.layers) for name in shared]


def copied(study: Study) -> Study:
    """Return a study with the same trials."""
    made = create_study(direction=study.direction)
    made.add_trials(study.get_trials(deepcopy=False))
    return made


def finalists(
    sampler: FunctionSpaceSampler, study: Study, uniform: Sequence[Mapping[str, str]], count: int
) -> list[Mapping[str, str]]:
    """Return so many models: the best two that a study trained, or one of two, and the best uniform ones."""
    models = ranked(sampler, study)
    best = models[: min(2, count - 1)]
    others = [model for model in models if model not in best]
    best += [model for model in others if model in uniform][: count - len(best)]
    return best + [model for model in others if model not in best][: count - len(best)]


def ranked(
    sampler: FunctionSpaceSampler, study: Study, models: Sequence[Mapping[str, str]] | None = None
) -> list[Mapping[str, str]]:
    """Return models that a study trained, or the given ones of them, the best posterior mean first."""
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    different = {tuple(trial.params.items()): trial for trial in reversed(ended)}
    trials = [trial for trial in different.values() if models is None or trial.params in models]
    sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
    means = [sign * mean for mean, _ in sampler.posterior(study, trials)]
    return [trials[int(place)].params for place in np.argsort(means, kind="stable")]


def best_scored(prior: Prior, repetition: int, candidates: Sequence[Names]) -> Names:
    """Return the assignment that one repetition of a prior likes best."""
    scores = prior.scores[repetition]
    best = (
        np.nanargmax(scores, axis=1)
        if prior.additive
        else np.unravel_index(np.nanargmax(scores), scores.shape)
    )
    return tuple(names[int(choice)] for names, choice in zip(candidates, best, strict=True))


@contextmanager
def left_out(terms: Set[str]) -> Iterator[None]:
    """Let the sampler leave out some terms of its covariance: no user would, so it is no option of its.

    Raises:
        ValueError: There is no such term.
    """
    if not terms <= EXPECTED.keys():
        raise ValueError(f"{sorted(terms - EXPECTED.keys())} are no terms; there are {', '.join(EXPECTED)}.")
    kept = {name: value for name, value in EXPECTED.items() if name not in terms}
    with patch.object(GaussianProcess, "fit", partial(GaussianProcess.fit, expected=kept)):
        yield
