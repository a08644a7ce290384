"""Optuna study on a table: asks a sampler, trains by looking up, and notes what would be recommended when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import optuna

from scripts.benchmarks.replay._game import Game
from scripts.benchmarks.tables import Index, Names

Picks = Mapping[float, Index]  # what is recommended, by cost in full trainings
Strategy = Callable[[Game, Sequence[float]], Picks]
Recommended = Callable[[optuna.Study], Mapping[str, str]]
SeedOf = Callable[[optuna.Study, optuna.Trial], int]


def new_study(game: Game, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """Return an empty study of the game's table."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        sampler=sampler, direction="minimize" if game.table.mode == "min" else "maximize"
    )


def picks(
    game: Game,
    study: optuna.Study,
    trials: Mapping[float, int],
    recommended: Recommended,
    seed_of: SeedOf | None = None,
    before: Mapping[int, Callable[[optuna.Study], None]] | None = None,
    rounds: Sequence[int] = (1,),
) -> Picks:
    """Play a study and return what is recommended at each cost.

    Args:
        game: What is played.
        study: Is asked for all trials.
        trials: How many trials each cost pays for; a cost that pays for none is left out.
        recommended: What a study recommends, an activation by layer.
        seed_of: Number of the seed that a trial takes, which the trial then tells; None: the n-th training of
            an assignment takes its n-th seed, and no trial tells.
        before: What happens to the study before a trial, by how many it was asked for until then.
        rounds: Trials that are asked for before any of them is told, of each round; the last holds on.
    """
    played, events = _Played(game, study, seed_of, {}), before or {}
    found: dict[float, Index] = {}
    stops, sizes, done = sorted({*trials.values(), *events}), list(rounds), 0
    for last in [stop for stop in stops if stop <= max(trials.values(), default=0)]:
        while done < last:
            size = min(sizes.pop(0) if len(sizes) > 1 else sizes[0], last - done)
            played.round(size)
            done += size
        for cost, count in trials.items():
            if 0 < count == done:
                names = recommended(study)
                found[cost] = game.index(tuple(names[layer] for layer in game.table.layers))
        if done in events:
            events[done](study)
    return found


@dataclass(frozen=True, slots=True)
class _Played:
    """A study that is being played, and how often each assignment was trained."""

    game: Game
    study: optuna.Study
    seed_of: SeedOf | None
    had: dict[Index, int]

    def round(self, size: int) -> None:
        """Ask for so many trials before the first of them is told."""
        for trial, index, run in [self._asked() for _ in range(size)]:
            _tell(self.study, trial, self.game.value(index, run))

    def _asked(self) -> tuple[optuna.Trial, Index, int]:
        trial = self.study.ask()
        index = _asked(self.game, trial)
        run = self.had[index] = self.had.get(index, -1) + 1
        if self.seed_of is not None:
            run = self.seed_of(self.study, trial)
            trial.set_user_attr("seed", run)
        return trial, index, run


def tell(study: optuna.Study, game: Game, names: Names, seed: int) -> None:
    """Tell a study of a training that it did not ask for, with the number of its seed."""
    _add(study, game, names, game.value(game.index(names), seed), {"seed": seed})


def tell_mean(study: optuna.Study, game: Game, names: Names, seeds: Iterable[int]) -> None:
    """Tell a study of the mean of an assignment's trainings, as of one."""
    _add(study, game, names, fmean(game.value(game.index(names), seed) for seed in seeds), {})


def _add(study: optuna.Study, game: Game, names: Names, value: float, attributes: dict[str, int]) -> None:
    table, failed = game.table, not math.isfinite(value)
    own = zip(table.layers, table.candidates, strict=True)
    study.add_trial(
        optuna.trial.create_trial(
            state=optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE,
            value=None if failed else value,
            params=dict(zip(table.layers, names, strict=True)),
            distributions={
                layer: optuna.distributions.CategoricalDistribution(list(choices)) for layer, choices in own
            },
            user_attrs=attributes,
        )
    )


def best_trial(study: optuna.Study) -> Mapping[str, str]:
    """Return what the trial with the best value chose."""
    return study.best_trial.params


def _asked(game: Game, trial: optuna.Trial) -> Index:
    pairs = zip(game.table.layers, game.table.candidates, strict=True)
    return game.index(tuple(str(trial.suggest_categorical(layer, list(names))) for layer, names in pairs))


def _tell(study: optuna.Study, trial: optuna.Trial, value: float) -> None:
    if math.isfinite(value):
        study.tell(trial, value)
    else:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
