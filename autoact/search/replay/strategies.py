"""Strategies to compare: each plays a game and says what it would recommend at some costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.policy import Names, Outcome, Problem, Step, next_steps, recommend
from autoact.search.replay.game import Game, Index
from autoact.search.tables import Prior

Picks = Mapping[float, Index]  # what is recommended, by cost in full trainings
Strategy = Callable[[Game, Sequence[float]], Picks]
_MIXTURE = 1.0  # what training a mixture costs, in full trainings
_AT_ONCE = 1  # trainings that run at the same time; the other samplers are asked one at a time too


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """What a search does: the policy, with or without its parts.

    Args:
        prior: Name of the table's mixture to pay for, whose choice is tried first; None for none. Where the
            table lacks it, its cost is paid for nothing: a uniform assignment comes first.
        scores: Whether the mixture's scores of all assignments enter the surrogate too.
        short: Whether short trainings may be used.
        without: Terms of the surrogate to leave out.
        posterior: Whether the posterior mean recommends; else the best value of a full training.
        seeds: Seeds that trainings take in turn; 0: each has its own.
        repeats: Seeds of whose values each training shows the mean at the cost of one: see `Game`.
    """

    prior: str | None = None
    scores: bool = False
    short: bool = False
    without: frozenset[str] = frozenset()
    posterior: bool = True
    seeds: int = 2
    repeats: int = 1

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play once; once for each cost with short trainings, as the policy then plans with its budget."""
        game = Game(game.table, game.seed, paired=self.seeds > 0, repeats=self.repeats)
        spare = {cost: cost - self.paid(game) for cost in costs}
        playable = [cost for cost in costs if spare[cost] >= game.table.fractions[0 if self.short else -1]]
        if self.short or not playable:
            return {cost: self._pick(game, *self._played(game, cost)) for cost in playable}
        problem, history = self._played(game, max(playable))
        return {cost: self._pick(game, problem, history[: int(spare[cost])]) for cost in playable}

    def _played(self, game: Game, cost: float) -> tuple[Problem, list[Outcome]]:
        problem = self.problem(game, cost)
        history: list[Outcome] = []
        while steps := next_steps(problem, history, count=_AT_ONCE):
            history += [Outcome(step, _values(game, step, problem)) for step in steps]
        return problem, history

    def _pick(self, game: Game, problem: Problem, history: list[Outcome]) -> Index:
        if self.posterior:
            return game.index(recommend(problem, history).assignment)
        whole = [outcome for outcome in history if outcome.step.stop == 1.0 and not outcome.failed] or history
        best = min(whole, key=lambda outcome: outcome.value if problem.minimize else -outcome.value)
        return game.index(best.step.assignment)

    def paid(self, game: Game) -> float:
        """Return what the mixture costs, in full trainings."""
        if self.prior is None:
            return 0.0
        return game.table.priors[self.prior].cost if self.prior in game.table.priors else _MIXTURE

    def problem(self, game: Game, cost: float) -> Problem:
        """Return what the policy is given; the mixture's choice is tried first, then uniform assignments."""
        table = game.table
        shared = [name for name in table.candidates[0] if all(name in own for own in table.candidates)]
        first = [(name,) * len(table.layers) for name in shared]
        prior = table.priors.get(self.prior) if self.prior else None
        repetition = game.seed % len(prior.scores) if prior is not None else 0
        if prior is not None:
            first = [_best_scored(prior, repetition, table.candidates), *first]

        def score(names: Names) -> float:
            assert prior is not None
            return prior.score(repetition, game.index(names))

        return Problem(
            candidates=table.candidates,
            budget=cost - self.paid(game),
            fractions=table.fractions if self.short else (1.0,),
            minimize=table.mode == "min",
            seed=game.seed,
            seeds=self.seeds,
            first=tuple(dict.fromkeys(first)),
            prior=score if prior is not None and self.scores else None,
            without=self.without,
        )


@dataclass(frozen=True, slots=True)
class OneSeed:
    """Another strategy with one seed for the first trainings of all assignments, one for the second, ..."""

    strategy: Strategy

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play the same game with paired seeds."""
        return self.strategy(Game(game.table, game.seed, paired=True), costs)


def random_search(game: Game, costs: Sequence[float]) -> Picks:
    """Train random assignments to the end; recommend the best value."""
    rng = np.random.default_rng([game.seed, 1])
    sizes = [len(names) for names in game.table.candidates]
    drawn = [tuple(int(i) for i in rng.integers(sizes)) for _ in range(int(max(costs)))]
    seen: list[tuple[float, Index]] = []
    for place, index in enumerate(drawn):
        seen.append((_oriented(game, index, drawn[:place].count(index)), index))
    return {cost: min(seen[: int(cost)])[1] for cost in costs}


@dataclass(frozen=True, slots=True)
class MeanOf:
    """Train random assignments `repeats` times each and recommend the best mean: patience alone."""

    repeats: int

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play once for all costs that allow it."""
        rng = np.random.default_rng([game.seed, 2])
        sizes = [len(names) for names in game.table.candidates]
        count = int(max(costs)) // self.repeats
        drawn = [tuple(int(i) for i in rng.integers(sizes)) for _ in range(count)]
        runs = range(self.repeats)
        means = [(float(np.mean([_oriented(game, index, run) for run in runs])), index) for index in drawn]
        return {cost: min(means[: int(cost) // self.repeats])[1] for cost in costs if cost >= self.repeats}


def tpe(game: Game, costs: Sequence[float]) -> Picks:
    """Optuna's default sampler; recommend the best trial."""
    return _study(game, costs, optuna.samplers.TPESampler(seed=game.seed), _best_trial)


def gaussian_process(game: Game, costs: Sequence[float]) -> Picks:
    """Optuna's GP sampler; recommend the best trial."""
    return _study(game, costs, optuna.samplers.GPSampler(seed=game.seed), _best_trial)


def function_space(game: Game, costs: Sequence[float]) -> Picks:
    """`FunctionSpaceSampler` in a plain study: whole trainings only; recommend the best posterior mean."""
    sampler = FunctionSpaceSampler(seed=game.seed)
    return _study(game, costs, sampler, sampler.best_assignment)


def _study(
    game: Game,
    costs: Sequence[float],
    sampler: optuna.samplers.BaseSampler,
    recommended: Callable[[optuna.Study], Mapping[str, str]],
) -> Picks:
    table = game.table
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler, direction="minimize" if table.mode == "min" else "maximize")
    runs: dict[Index, int] = {}
    picks = {}
    for done in range(1, int(max(costs)) + 1):
        trial = study.ask()
        pairs = zip(table.layers, table.candidates, strict=True)
        index = game.index(
            tuple(str(trial.suggest_categorical(layer, list(names))) for layer, names in pairs)
        )
        run = runs[index] = runs.get(index, -1) + 1
        value = game.value(index, run, len(table.fractions) - 1)
        if math.isfinite(value):
            study.tell(trial, value)
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        for cost in costs:
            if int(cost) == done:
                names = recommended(study)
                picks[cost] = game.index(tuple(names[layer] for layer in table.layers))
    return picks


def _best_trial(study: optuna.Study) -> Mapping[str, str]:
    return study.best_trial.params


def _oriented(game: Game, index: Index, run: int) -> float:
    value = game.value(index, run, len(game.table.fractions) - 1)
    if not math.isfinite(value):
        return math.inf
    return value if game.table.mode == "min" else -value


def _best_scored(prior: Prior, repetition: int, candidates: Sequence[Names]) -> Names:
    """Return the assignment that one repetition of a prior likes best."""
    scores = prior.scores[repetition]
    best = (
        np.nanargmax(scores, axis=1)
        if prior.additive
        else np.unravel_index(np.nanargmax(scores), scores.shape)
    )
    return tuple(names[int(choice)] for names, choice in zip(candidates, best, strict=True))


def _values(game: Game, step: Step, problem: Problem) -> dict[float, float]:
    """Return what a step shows at the fractions that the problem allows."""
    return {f: value for f, value in game.step_values(step).items() if f in problem.fractions}
