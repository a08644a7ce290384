"""Optuna sampler that knows how close two activations are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from autoact.errors import ConfigurationError, SearchFailedError
from autoact.search.optimizer._acquisition import best_training, candidate_set, shortlist
from autoact.search.optimizer._gaussian_process import GaussianProcess
from autoact.search.optimizer._kernel import Array, Indices, kernel_of
from autoact.search.optimizer._known import Known
from autoact.search.optimizer._known_costs import ChoiceCosts, KnownCosts, by_fronts
from autoact.search.optimizer._latest_fit import LatestFit
from autoact.search.optimizer._observations import Points
from autoact.search.optimizer._raised import Raising
from autoact.search.optimizer._threads import one_thread
from autoact.search.optimizer._trial_observations import (
    LayerSpace,
    OncePerTrial,
    Row,
    activation_choices,
    common_hyperparameters,
    common_space,
    observations,
    pending,
    seeds_had,
    spaces_of,
)


class FunctionSpaceSampler(BaseSampler):
    """Samples activations jointly by a surrogate in function space, all other parameters independently.

    Categorical parameters whose choices are all activations ("relu", "elu(alpha=0.7)") are recognized, in any
    study with one objective, or with a second one that is a known cost (`costs`). A Gaussian process is
    additive over layers with interactions; it learns the noise, how far closeness of functions can be
    trusted, what other parameters do, and how well the values at which trials were pruned foretell complete
    ones. Running trials count as seen without surprise, and their
    activations are not suggested again while others are left. The first trial, and parameters that not all
    trials have, are left to the independent sampler.

    Trainings with one random seed share its luck. Where trials tell the number of theirs as the user
    attribute "seed", the process tells what a seed does to all of them from what an activation does:
    `trial.set_user_attr("seed", sampler.next_seed(study, trial))` after the suggestions, and train with it.

    Args:
        seed: Everything random follows from it and the trial's number: processes on one storage may share
            it. None draws one.
        independent_sampler: For all other parameters; None is TPE, seeded for every trial.
        max_step: Step of `trial.report` at which a full training ends; None takes the largest that a complete
            trial has reported.
        seeds: Random seeds that trials take in turn, at least 1; see `next_seed`.
        candidates: Assignments that are always among those that the sampler weighs, such as uniform ones; of
            spaces with up to 1,024 assignments it weighs all. What is no choice of the study is left out.
        costs: Cost by parameter and choice, such as milliseconds; those of an assignment add up. For a study
            with `directions=[..., "minimize"]` that is told (value, cost): trials are to better the best
            value within every budget of cost.

    Raises:
        ConfigurationError: A parameter offers an activation twice, or a choice of it has no cost.
        ValueError: The study has several objectives, without `costs`; or with them not these two.

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
        seeds: int = 2,
        candidates: Sequence[Mapping[str, str]] = (),
        costs: ChoiceCosts | None = None,
    ) -> None:
        if seeds < 1:
            raise ConfigurationError(f"seeds is {seeds!r}; trials take at least 1 seed in turn.")
        if max_step is not None and max_step < 1:
            raise ConfigurationError(
                f"max_step is {max_step!r}; it must be the last step of a training, >= 1."
            )
        self._entropy = np.random.SeedSequence(seed).entropy
        self._given, self._independent = independent_sampler, independent_sampler or TPESampler(seed=seed)
        self._max_step = max_step
        self._spaces_of = OncePerTrial(spaces_of)
        self._rows: tuple[LayerSpace, OncePerTrial[Row | None]] | None = None
        self._fit = LatestFit()
        self._seeds = seeds
        self._candidates = tuple(map(dict, candidates))
        self._costs = costs

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that all complete trials have, if some of them choose activations."""
        self._require_goals(study)
        trials = study.get_trials(deepcopy=False)
        common = common_space(trials, self._spaces_of)
        layers = {name: distribution for name, distribution in common.items() if not distribution.single()}
        others = dict(common_hyperparameters(trials, self._spaces_of).parameters) if layers else {}
        return {**layers, **others}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return hyperparameters, and the activations to train with them.

        The independent sampler draws the hyperparameters.
        """
        layers = LayerSpace.of(search_space)
        if not layers.names:
            return {}
        known, fixed = self._known(study, layers), trial.system_attrs.get("fixed_params", {})
        drawn = {
            name: fixed[name]
            if name in fixed
            else self._independent.sample_independent(study, trial, name, distribution)
            for name, distribution in known.hyperparameters.parameters
        }
        if not len(known.seen):
            return {**drawn, **layers.name(self._generator(trial).integers(layers.sizes).tolist())}
        with one_thread():
            return {**drawn, **layers.name(self._acquired(trial, known, drawn))}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Sample what is no activation, or an activation before there is anything to go by."""
        self._require_goals(study)
        activation_choices(param_name, param_distribution)  # says what is wrong with it, if anything is
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the independent sampler; without a given one, TPE begins anew, so that a study can go on."""
        if self._given is None:
            sequence = np.random.SeedSequence(self._entropy, spawn_key=(trial.number, 1))
            self._independent = TPESampler(seed=int(sequence.generate_state(1)[0]))
        self._independent.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Tell the independent sampler."""
        self._independent.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Reseed the independent sampler; draws of activations differ by the number of the trial."""
        self._independent.reseed_rng()

    def next_seed(self, study: Study, trial: Trial | FrozenTrial, beside: Iterable[int] = ()) -> int:
        """Return the number of the seed to train a trial with, once its activations are suggested.

        Seeds take turns by the trial's number; an assignment that had that one gets one that it lacks.

        Args:
            study: The study.
            trial: One of its trials.
            beside: Numbers of seeds that the assignment is trained with by something else.

        Returns:
            A number, >= 0: equal numbers are one seed.
        """
        trials = study.get_trials(deepcopy=False)
        own = trials[trial.number]
        layers = LayerSpace.of({name: own.distributions[name] for name, _ in self._spaces_of(own)[0]})
        row = layers.number(own)
        had = seeds_had(self._row_of(layers), trials, own.number)
        return self._seed_in_turn(
            own.number, (had.get(row, set()) if row is not None else set()) | set(beside)
        )

    def best_assignment(self, study: Study) -> dict[str, str]:
        """Return the tried activations with the best posterior mean, by parameter.

        The trial with the best value is mostly a lucky one; the posterior mean weighs it with its neighbors.

        Raises:
            SearchFailedError: No trial has ended with a value, or none chose any activation.
        """
        layers = LayerSpace.of(common_space(study.get_trials(deepcopy=False), self._spaces_of))
        if not layers.names:
            raise _nothing(study)
        return {name: self.best_trial(study).params[name] for name in layers.names}

    def best_trial(self, study: Study) -> FrozenTrial:
        """Return the trial whose activations and other parameters have the best posterior mean.

        Raises:
            SearchFailedError: No trial has ended with a value.
        """
        known, usable, means = self._means(study)
        # of equal configurations, and of equal means, the first trial
        best = min(usable[means <= means.min() + 1e-12], key=lambda i: known.seen.runs[i])
        return known.trials[int(known.seen.runs[best])]

    def best_trials(self, study: Study) -> list[FrozenTrial]:
        """Return the trials on the front of posterior mean and cost, the cheapest first; see `costs`.

        Raises:
            SearchFailedError: No trial has ended with a value.
            ValueError: The study has one objective.
        """
        known, usable, means = self._means(study)
        if known.costs is None:
            raise ValueError("The study has one objective, so it has no front: ask for `best_trial`.")
        costs = known.costs(known.seen.assignments[usable])
        order = np.lexsort((known.seen.runs[usable], means, costs))
        before = np.append(np.inf, np.minimum.accumulate(means[order])[:-1])
        front = usable[order[means[order] < before - 1e-12]]
        return [known.trials[int(run)] for run in known.seen.runs[front]]

    def _means(self, study: Study) -> tuple[Known, Indices, Array]:
        """Return what a study has shown, which observations are values, and their posterior means."""
        self._require_goals(study)
        known = self._known(study)
        usable = np.flatnonzero(np.isfinite(known.seen.values))
        if not len(usable):
            raise _nothing(study)
        return known, usable, known.process.observed_means()[usable]

    def _require_goals(self, study: Study) -> None:
        """Refuse a study whose objectives are not those that the sampler knows of."""
        if self._costs is None:
            self._raise_error_if_multi_objective(study)
        elif [*study.directions[1:]] != [StudyDirection.MINIMIZE]:
            raise ValueError(
                "FunctionSpaceSampler(costs=...) is for a study of a value and a cost: "
                "optuna.create_study(directions=[..., 'minimize'])."
            )

    def posterior(
        self, study: Study, trials: Sequence[FrozenTrial], evidence: Sequence[FrozenTrial] = ()
    ) -> list[tuple[float, float]]:
        """Return what is believed of the values that the configurations of some trials have on average.

        Args:
            study: The study; at least one of its trials has ended with a value.
            trials: Trials of it, in any state, with all parameters that its complete trials have.
            evidence: Trials that are none of the study's and count as if they were, with other numbers.

        Returns:
            Mean and standard deviation of each, in the metric's units: the deviation is what is not known
            of the mean over seeds, not the noise between them.

        Raises:
            SearchFailedError: No trial has ended with a value.
        """
        known = self._known(study, evidence=evidence)
        if not np.isfinite(known.seen.values).any():
            raise _nothing(study)
        found = known.process.posterior(known.means(trials))
        mean, deviation = known.process.scale.restore(found.mean, np.sqrt(found.variance))
        sign = 1.0 if study.directions[0] == StudyDirection.MINIMIZE else -1.0
        return list(zip((sign * mean).tolist(), deviation.tolist(), strict=True))

    def _known(
        self, study: Study, layers: LayerSpace | None = None, evidence: Sequence[FrozenTrial] = ()
    ) -> Known:
        """Return what the study has shown of some layers; by default, of those that its trials share."""
        trials = [*study.get_trials(deepcopy=False), *evidence]
        layers = layers or LayerSpace.of(common_space(trials, self._spaces_of))
        hyperparameters = common_hyperparameters(trials, self._spaces_of)
        minimize = study.directions[0] == StudyDirection.MINIMIZE
        seen = observations(
            layers,
            trials,
            minimize,
            hyperparameters=hyperparameters,
            max_step=self._max_step,
            row_of=self._row_of(layers),
        )
        costs = None if self._costs is None else KnownCosts.of(layers, self._costs)
        return Known(layers, hyperparameters, trials, seen, kernel_of(layers.candidates), self._fit, costs)

    def _acquired(self, trial: FrozenTrial, known: Known, drawn: Mapping[str, Any]) -> list[int]:
        """Return the candidate numbers of the training with the largest knowledge gradient.

        What may be recommended are means at the best hyperparameters; a training has those that were drawn.
        """
        layers, seen, process = known.layers, known.seen, known.process
        best = seen.hyperparameters[int(np.argmin(process.observed_means()))]
        raising = Raising.of(layers, known.trials)
        running = pending(layers, known.trials, trial.number)
        if running:
            process = process.fantasize(known.running(running, best))
        options = candidate_set(
            layers.sizes, lambda: self._tried(known, process, best), self._generator(trial)
        )
        raises = raising.among(options, layers)
        options = options[~raises] if not raises.all() else options
        means = process.posterior(Points.means(options, np.tile(best, (len(options), 1))))
        listed = means.subset(shortlist(means, known.costs))
        offered = listed
        if seen.seeds is None:
            idle = means.subset(_others(options, running, layers))
            offered = idle.subset(shortlist(idle, known.costs))
        if seen.seeds is None and not len(best):
            trainings = process.of_runs(offered)
        else:
            trainings = process.posterior(self._asked(trial, known, offered.points, drawn))
        place = best_training(process, trainings, listed, known.costs)
        return list(map(int, trainings.points.assignments[place]))

    def _asked(self, trial: FrozenTrial, known: Known, points: Points, drawn: Mapping[str, Any]) -> Points:
        """Return the points of new trainings, each with the seed whose turn it is, if seeds are known."""
        numbers = np.array(known.hyperparameters.encoded(drawn), dtype=np.float64)
        new = replace(
            points,
            runs=len(known.trials) + np.arange(len(points)),
            hyperparameters=np.tile(numbers, (len(points), 1)),
        )
        if known.seen.seeds is None:
            return new
        had = seeds_had(self._row_of(known.layers), known.trials, trial.number)
        rows = map(tuple, points.assignments.tolist())
        seeds = [self._seed_in_turn(trial.number, had.get(row, ())) for row in rows]
        return replace(new, seeds=np.array(seeds, dtype=np.intp))

    def _seed_in_turn(self, turn: int, had: Collection[int]) -> int:
        in_turn = ((turn + step) % self._seeds for step in range(self._seeds))
        return next((number for number in in_turn if number not in had), max(had, default=-1) + 1)

    def _tried(self, known: Known, process: GaussianProcess, hyperparameters: Array) -> Indices:
        """Return what was tried, the best mean first, and among it the candidates that are always weighed."""
        given = [row for each in self._candidates if (row := known.layers.numbers(each)) is not None]
        costs = known.costs
        if costs is not None:
            given.append(tuple(costs.cheapest))
        if not given and not len(hyperparameters):
            return _best_first(known.seen.assignments, process.observed_means())
        rows = np.array([*known.seen.assignments.tolist(), *given], dtype=np.intp)
        means = process.mean(Points.means(rows, np.tile(hyperparameters, (len(rows), 1))))
        return _best_first(rows, means, costs)

    def _row_of(self, layers: LayerSpace) -> OncePerTrial[Row | None]:
        """Return what reads candidate numbers, the one of before while the layers are the same."""
        known = self._rows
        if known is None or known[0] != layers:
            known = self._rows = (layers, OncePerTrial(layers.number))
        return known[1]

    def _generator(self, trial: FrozenTrial) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self._entropy, spawn_key=(trial.number,)))


def _nothing(study: Study) -> SearchFailedError:
    return SearchFailedError(
        f"None of the {len(study.get_trials(deepcopy=False))} trials of the study ended with a finite value "
        "and a choice of activations in every layer; there is nothing to recommend."
    )


def _others(options: Indices, running: Sequence[FrozenTrial], layers: LayerSpace) -> Indices:
    """Return the numbers of the options that are not running; all if all are."""
    busy = {layers.number(trial) for trial in running}
    found = [number for number, row in enumerate(options.tolist()) if tuple(row) not in busy]
    return np.array(found or range(len(options)), dtype=np.intp)


def _best_first(assignments: Indices, means: Array, costs: KnownCosts | None = None) -> Indices:
    """Return the different ones of some assignments, the best mean, or the front, first."""
    rows, where = np.unique(assignments, axis=0, return_index=True)
    if costs is not None:
        return rows[by_fronts(means[where], costs(rows), len(rows))]
    return rows[np.argsort(means[where], kind="stable")]
