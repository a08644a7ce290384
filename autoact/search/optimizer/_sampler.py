"""An Optuna sampler that knows how close two activations are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from autoact.errors import ConfigurationError, SearchFailedError
from autoact.search.optimizer._acquisition import pool, shortlist, worthiest
from autoact.search.optimizer._gaussian_process import Points, Surrogate
from autoact.search.optimizer._kernel import Array, Indices, Similarity, similarity_of
from autoact.search.optimizer._threads import one_thread
from autoact.search.optimizer._trials import (
    Layers,
    OncePerTrial,
    Row,
    activation_choices,
    activation_space,
    common_space,
    observations,
    pending,
    seeds_had,
    seeds_of,
)

if TYPE_CHECKING:
    from autoact.search.optimizer._observations import Observations


class FunctionSpaceSampler(BaseSampler):
    """Samples activations jointly by a surrogate in function space, all other parameters independently.

    Categorical parameters whose choices are all activations ("relu", "elu(alpha=0.7)") are recognized, in any
    study with one objective. The surrogate is additive over layers with interactions; it learns the noise,
    how far closeness of functions can be trusted, and how well the values at which trials were pruned
    foretell complete ones. Running trials count as seen without surprise, and their activations are not
    suggested again while others are left. The first trial, and parameters that not all trials have, are left
    to the independent sampler.

    Trainings with one random seed share its luck. Where trials tell the number of theirs as the user
    attribute "seed", the surrogate tells what a seed does to all of them from what an activation does:
    `trial.set_user_attr("seed", sampler.next_seed(study, trial))` after the suggestions, and train with it.

    Args:
        seed: Everything random follows from it and the trial's number: processes on one storage may share
            it. None draws one.
        independent_sampler: For all other parameters; None is TPE.
        max_step: Step of `trial.report` at which a full training ends; None takes the largest that a complete
            trial has reported.
        nodes: Measured pre-activations by parameter: equally likely values (M,), under which functions are
            compared; N(0, 1) where nothing is given.
        seeds: Random seeds that trials take in turn, at least 1; see `next_seed`.
        candidates: Assignments that are always among those that the sampler weighs, such as uniform ones; of
            spaces with up to 1,024 assignments it weighs all. What is no choice of the study is left out.

    Raises:
        ConfigurationError: A parameter offers an activation twice.
        ValueError: The study has several objectives.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> def objective(trial):
        ...     layers = [trial.suggest_categorical(f"layer{i}", ["relu", "gelu", "tanh"]) for i in range(2)]
        ...     return layers.count("tanh") - 0.5 * layers.count("gelu")
        >>> sampler = FunctionSpaceSampler(seed=0)
        >>> study = optuna.create_study(sampler=sampler)
        >>> study.optimize(objective, n_trials=12)
        >>> sampler.best_assignment(study)
        {'layer0': 'gelu', 'layer1': 'gelu'}
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        independent_sampler: BaseSampler | None = None,
        max_step: int | None = None,
        nodes: Mapping[str, Sequence[float]] | None = None,
        seeds: int = 2,
        candidates: Sequence[Mapping[str, str]] = (),
    ) -> None:
        if seeds < 1:
            raise ConfigurationError(f"seeds is {seeds!r}; trials take at least 1 seed in turn.")
        if max_step is not None and max_step < 1:
            raise ConfigurationError(
                f"max_step is {max_step!r}; it must be the last step of a training, >= 1."
            )
        self._entropy = np.random.SeedSequence(seed).entropy
        self._independent = independent_sampler or TPESampler(seed=seed)
        self._max_step = max_step
        self._space_of = OncePerTrial(activation_space)
        self._rows: tuple[Layers, OncePerTrial[Row | None]] | None = None
        self._nodes = {name: tuple(map(float, values)) for name, values in (nodes or {}).items()}
        self._seeds = seeds
        self._candidates = tuple(map(dict, candidates))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that choose activations and that all complete trials have."""
        self._raise_error_if_multi_objective(study)
        common = common_space(study.get_trials(deepcopy=False), self._space_of)
        return {name: distribution for name, distribution in common.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the activations whose training betters the recommendation most, as far as is known."""
        layers = Layers.of(search_space)
        if not layers.names:
            return {}
        trials = study.get_trials(deepcopy=False)
        seen = self._observations(study, layers, trials)
        if not len(seen):
            return layers.name(self._generator(trial).integers(layers.sizes).tolist())
        with one_thread():
            return layers.name(self._worthiest(trial, layers, trials, seen))

    def next_seed(self, study: Study, trial: Trial | FrozenTrial) -> int:
        """Return the number of the seed to train a trial with, once its activations are suggested.

        Seeds take turns by the trial's number; an assignment that had that one gets one that it lacks.

        Args:
            study: The study.
            trial: One of its trials.

        Returns:
            A number, >= 0: equal numbers are one seed.
        """
        trials = study.get_trials(deepcopy=False)
        own = trials[trial.number]
        found = {name: names for name, names in self._space_of(own)}
        layers = Layers(tuple(sorted(found)), tuple(found[name] for name in sorted(found)))
        row = layers.number(own)
        had = seeds_had(layers, trials, own.number).get(row, set()) if row is not None else set()
        return self._seed_in_turn(own.number, had)

    def _seed_in_turn(self, turn: int, had: Collection[int]) -> int:
        in_turn = ((turn + step) % self._seeds for step in range(self._seeds))
        return next((number for number in in_turn if number not in had), max(had, default=-1) + 1)

    def _worthiest(
        self, trial: FrozenTrial, layers: Layers, trials: Sequence[FrozenTrial], seen: Observations
    ) -> list[int]:
        """Return the candidate numbers of the training that betters the recommendation most."""
        surrogate = Surrogate.fit(self._similarity(layers), seen)
        running = pending(layers, trials, trial.number)
        busy = np.array([layers.number(one) for one in running], dtype=np.intp).reshape(-1, len(layers.names))
        if running:
            seeds = None if seen.seeds is None else seeds_of(running)
            if seen.seeds is not None and seeds is None:
                seeds = np.array([-1 - one.number for one in running], dtype=np.intp)
            numbers = np.array([one.number for one in running], dtype=np.intp)
            surrogate = surrogate.imagine(Points(busy, np.ones(len(running)), numbers, None, seeds))
        rng = self._generator(trial)
        options = pool(layers.sizes, lambda: self._tried(layers, seen, surrogate), rng)
        known = surrogate.outlook(Points.ends(options))
        ends = known.subset(shortlist(known))
        if seen.seeds is None:
            idle = known.subset(_others(options, busy))
            idle = idle.subset(shortlist(idle))
            trainings = surrogate.trained(idle)
        else:
            trainings = surrogate.outlook(self._seeded(trial, layers, trials, ends.points.assignments))
        chosen = worthiest(surrogate, trainings, ends)
        return list(map(int, trainings.points.assignments[chosen]))

    def _seeded(
        self, trial: FrozenTrial, layers: Layers, trials: Sequence[FrozenTrial], rows: Indices
    ) -> Points:
        """Return the points of new trainings, each with the seed whose turn it is."""
        had = seeds_had(layers, trials, trial.number)
        seeds = [self._seed_in_turn(trial.number, had.get(tuple(row), ())) for row in rows.tolist()]
        numbers = len(trials) + np.arange(len(rows))
        return Points(rows, np.ones(len(rows)), numbers, None, np.array(seeds, dtype=np.intp))

    def _tried(self, layers: Layers, seen: Observations, surrogate: Surrogate) -> Indices:
        """Return what was tried, the best mean first, and then the candidates that are always weighed."""
        rows = [
            [names.index(given[name]) for name, names in zip(layers.names, layers.candidates, strict=True)]
            for given in self._candidates
            if all(given.get(n) in names for n, names in zip(layers.names, layers.candidates, strict=True))
        ]
        given = np.array(rows, dtype=np.intp).reshape(-1, len(layers.names))
        if not len(given):
            return _best_first(seen.assignments, surrogate.seen_means())
        both = np.concatenate([seen.assignments, given])
        return _best_first(both, surrogate.mean(Points.ends(both)))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Sample what is no activation, or an activation before there is anything to go by."""
        self._raise_error_if_multi_objective(study)
        activation_choices(param_name, param_distribution)  # says what is wrong with it, if anything is
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the independent sampler."""
        self._independent.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Tell the independent sampler."""
        self._independent.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Reseed the independent sampler; draws of activations differ by the number of the trial."""
        self._independent.reseed_rng()

    def best_assignment(self, study: Study) -> dict[str, str]:
        """Return the tried activations with the best posterior mean, by parameter.

        The trial with the best value is mostly a lucky one; the posterior mean weighs it with its neighbors.

        Raises:
            SearchFailedError: No trial has ended with a value, or none chose any activation.
        """
        self._raise_error_if_multi_objective(study)
        trials = study.get_trials(deepcopy=False)
        layers = Layers.of(common_space(trials, self._space_of))
        seen = self._observations(study, layers, trials) if layers.names else None
        if seen is None or not np.isfinite(seen.values).any():
            raise SearchFailedError(
                f"None of the {len(trials)} trials of the study ended with a finite value and a choice of "
                "activations in every layer; there is nothing to recommend."
            )
        usable = np.flatnonzero(np.isfinite(seen.values))
        means = Surrogate.fit(self._similarity(layers), seen).seen_means()
        return layers.name(_best_first(seen.assignments[usable], means[usable])[0].tolist())

    def _observations(self, study: Study, layers: Layers, trials: Sequence[FrozenTrial]) -> Observations:
        minimize = study.direction == StudyDirection.MINIMIZE
        return observations(layers, trials, minimize, self._max_step, self._row_of(layers))

    def _row_of(self, layers: Layers) -> OncePerTrial[Row | None]:
        """Return what reads candidate numbers, the one of before while the layers are the same."""
        known = self._rows
        if known is None or known[0] != layers:
            known = self._rows = (layers, OncePerTrial(layers.number))
        return known[1]

    def _similarity(self, layers: Layers) -> Similarity:
        nodes = tuple((i, self._nodes[n]) for i, n in enumerate(layers.names) if n in self._nodes)
        return similarity_of(layers.candidates, nodes)

    def _generator(self, trial: FrozenTrial) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self._entropy, spawn_key=(trial.number,)))


def _others(options: Indices, running: Indices) -> Indices:
    """Return the numbers of the options that are not running; all if all are."""
    busy = set(map(tuple, running.tolist()))
    found = [number for number, row in enumerate(options.tolist()) if tuple(row) not in busy]
    return np.array(found or range(len(options)), dtype=np.intp)


def _best_first(assignments: Indices, means: Array) -> Indices:
    """Return the different ones of some assignments, the best mean first."""
    rows, where = np.unique(assignments, axis=0, return_index=True)
    return rows[np.argsort(means[where], kind="stable")]
