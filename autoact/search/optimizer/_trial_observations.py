"""Trials of an Optuna study as observations: complete, pruned and failed ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from autoact._cache import remembered
from autoact.activations import list_activations
from autoact.errors import ConfigurationError, UnknownActivationError
from autoact.search.optimizer._kernel import Indices
from autoact.search.optimizer._observations import HyperparameterSpace, Observations, Others
from autoact.spaces import Choice

_MOST = 600  # observations that the process is conditioned on
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_SHORTEST = 1 / 64  # of a full training; what was stopped earlier counts as stopped then

SEED_ATTRIBUTE = "seed"  # user attribute of a trial: the number of the random seed that it was trained with
RAISED_ATTRIBUTE = "raised"  # of a failed trial: what its training raised
Space = tuple[tuple[str, tuple[str, ...]], ...]  # parameters that choose activations, with their choices
Row = tuple[int, ...]  # candidate numbers, one per layer
T = TypeVar("T")
_NONE = HyperparameterSpace(())


class OncePerTrial(Generic[T]):
    """What is read from ended trials, read once from each: they do not change any more.

    A storage may hand out another object for the same trial; that is read again. Pickles without the trials.

    Args:
        read: What is read from a trial.

    Example:
        >>> from optuna.trial import create_trial
        >>> value, trial = OncePerTrial(lambda trial: print("reads") or trial.value), create_trial(value=2.0)
        >>> value(trial), value(trial)
        reads
        (2.0, 2.0)
    """

    def __init__(self, read: Callable[[FrozenTrial], T]) -> None:
        self._read = read
        self._known: dict[int, tuple[FrozenTrial, T]] = {}

    def __call__(self, trial: FrozenTrial) -> T:
        """Return what is read from a trial."""
        if not trial.state.is_finished():
            return self._read(trial)
        known = self._known.get(trial.number)
        if known is None or known[0] is not trial:
            known = self._known[trial.number] = (trial, self._read(trial))
        return known[1]

    def __reduce__(self) -> tuple[type[OncePerTrial[T]], tuple[Callable[[FrozenTrial], T]]]:
        """Pickle without the trials."""
        return type(self), (self._read,)


@dataclass(frozen=True, slots=True)
class LayerSpace:
    """The parameters of a study that choose activations: names with their choices, in the order of names."""

    names: tuple[str, ...]
    candidates: tuple[tuple[str, ...], ...]
    _places: tuple[tuple[str, dict[str, int]], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Number the candidates once."""
        numbered = ({name: number for number, name in enumerate(names)} for names in self.candidates)
        object.__setattr__(self, "_places", tuple(zip(self.names, numbered, strict=True)))

    @classmethod
    def of(cls, space: Mapping[str, BaseDistribution]) -> LayerSpace:
        """Find them in a search space.

        Raises:
            ConfigurationError: A choice is offered twice.
        """
        found = {
            name: choices for name, d in sorted(space.items()) if (choices := activation_choices(name, d))
        }
        return cls(tuple(found), tuple(found.values()))

    @property
    def sizes(self) -> list[int]:
        """The number of candidates per layer."""
        return [len(names) for names in self.candidates]

    def number(self, trial: FrozenTrial) -> Row | None:
        """Return the candidate numbers of a trial, None if it lacks a layer or has what is no candidate."""
        return self.numbers(trial.params)

    def numbers(self, names: Mapping[str, str]) -> Row | None:
        """Return the candidate numbers of activations by parameter, None where they are no candidates."""
        try:
            return tuple([places[names[layer]] for layer, places in self._places])
        except KeyError:
            return None

    def name(self, row: Iterable[int]) -> dict[str, str]:
        """Return activations by name of the parameter."""
        return {layer: names[i] for layer, names, i in zip(self.names, self.candidates, row, strict=True)}


def activation_choices(
    name: str, distribution: BaseDistribution, registered: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Return the choices of a parameter if they are all activations, with values or without, else nothing.

    Args:
        name: The parameter.
        distribution: What it is drawn from.
        registered: What `list_activations` returns, where it is known already.

    Raises:
        ConfigurationError: A choice is offered twice.

    Example:
        >>> activation_choices("a", CategoricalDistribution(["relu", "elu(alpha=0.7)"]))
        ('relu', 'elu(alpha=0.7)')
        >>> activation_choices("optimizer", CategoricalDistribution(["adam", "sgd"]))
        ()
    """
    if not isinstance(distribution, CategoricalDistribution):
        return ()
    try:
        names = _activations(distribution.choices, registered or list_activations())
    except TypeError:  # a choice that cannot be hashed is no name
        return ()
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"Parameter {name!r} offers {', '.join(names)}; each activation may be offered only once."
        )
    return names


@remembered(maxsize=1024)
def _activations(choices: tuple[Any, ...], registered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the choices if all are activations, else nothing."""
    known = frozenset(registered)
    return choices if all(choice in known or _has_values(choice) for choice in choices) else ()


def _has_values(choice: Any) -> bool:
    """Tell whether this is an activation with parameter values, such as elu(alpha=0.7)."""
    try:
        return isinstance(choice, str) and "(" in choice and bool(Choice.parse(choice).parameters)
    except (ConfigurationError, UnknownActivationError):
        return False


def spaces_of(trial: FrozenTrial) -> tuple[Space, Others]:
    """Return the parameters that choose activations, and the others; equal ones of trials are one object."""
    names = list_activations()
    found = {name: activation_choices(name, own, names) for name, own in trial.distributions.items()}
    chosen = tuple((name, choices) for name, choices in found.items() if choices)
    return _interned(chosen, tuple((n, trial.distributions[n]) for n in sorted(found) if not found[n]))


@lru_cache(maxsize=256)
def _interned(chosen: Space, others: Others) -> tuple[Space, Others]:
    return chosen, others


def common_space(
    trials: Sequence[FrozenTrial], read: Callable[[FrozenTrial], tuple[Space, Others]] = spaces_of
) -> dict[str, BaseDistribution]:
    """Return the activation parameters that all complete trials share (without any: all pruned ones).

    Args:
        trials: Trials in any state.
        read: Reads the spaces of a trial.
    """
    ended = _ended(trials)
    first = ended[0].distributions if ended else {}
    return {name: first[name] for name, _ in _shared([read(trial)[0] for trial in ended])}


def common_hyperparameters(
    trials: Sequence[FrozenTrial], read: Callable[[FrozenTrial], tuple[Space, Others]] = spaces_of
) -> HyperparameterSpace:
    """Return the other parameters that all complete trials share (without any: all pruned ones)."""
    return HyperparameterSpace(tuple(_shared([read(trial)[1] for trial in _ended(trials)])))


def _ended(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    by_state = ([trial for trial in trials if trial.state == state] for state in _FINISHED)
    return next((found for found in by_state if found), [])


def _shared(spaces: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Return what all spaces hold, in the order of the first; equal spaces are one object."""
    if not spaces:
        return []
    different = {id(space): space for space in spaces}
    shared = set.intersection(*map(set, different.values()))
    return [item for item in spaces[0] if item in shared]


class _Seen(NamedTuple):
    """One value of a trial, smaller is better."""

    trial: FrozenTrial
    row: Row
    hyperparameters: tuple[float, ...]
    fidelity: float
    value: float


def observations(
    layers: LayerSpace,
    trials: Sequence[FrozenTrial],
    minimize: bool,
    *,
    hyperparameters: HyperparameterSpace = _NONE,
    max_step: int | None = None,
    row_of: Callable[[FrozenTrial], Row | None] | None = None,
) -> Observations:
    """Return what the finished trials of a study have shown.

    A failed trial is a bad value until the same activations have been trained: then it was the machine. One
    that is known to have raised an exception is none: nothing is known of its value.

    Args:
        layers: The layers; trials without one of them tell nothing.
        trials: Trials in any state.
        minimize: Whether a smaller value is better.
        hyperparameters: Other parameters; trials without one of them tell nothing.
        max_step: Step at which a full training ends; None takes the largest that a complete trial reported.
        row_of: Reads the candidate numbers of a trial; `layers.number` by default.
    """
    row_of, sign = row_of or layers.number, 1.0 if minimize else -1.0
    read = ((trial, row_of(trial), hyperparameters.numbers(trial)) for trial in trials)
    known = [(trial, row, own) for trial, row, own in read if row is not None and own is not None]
    done = {row for trial, row, _ in known if trial.state == TrialState.COMPLETE}
    fidelity_of = _fidelities([trial for trial, *_ in known], max_step)
    pruned = (_steps(trial) for trial, *_ in known if trial.state == TrialState.PRUNED)
    stopped = {fidelity_of(max(steps)) for steps in pruned if steps}
    seen = [
        _Seen(trial, row, own, fidelity, sign * value)
        for trial, row, own in known
        if not (trial.state == TrialState.FAIL and (row in done or RAISED_ATTRIBUTE in trial.user_attrs))
        for fidelity, value in _values(trial, stopped, fidelity_of)
    ]
    # where nothing is complete, the longest trainings are what there is to compare
    longest = 1.0 if done else max((s.fidelity for s in seen if math.isfinite(s.value)), default=1.0)
    kept = [seen[i] for i in _kept([s.value for s in seen])]
    shapes = (len(kept), len(layers.names)), (len(kept), hyperparameters.width)
    return Observations(
        assignments=np.array([s.row for s in kept], dtype=np.intp).reshape(shapes[0]),
        fidelities=np.minimum([s.fidelity / longest for s in kept], 1.0, dtype=np.float64),
        runs=np.array([s.trial.number for s in kept], dtype=np.intp),
        values=np.array([s.value for s in kept], dtype=np.float64),
        hyperparameters=np.array([s.hyperparameters for s in kept], dtype=np.float64).reshape(shapes[1]),
        seeds=seed_numbers([s.trial for s in kept]),
    )


def seed_numbers(trials: Sequence[FrozenTrial]) -> Indices | None:
    """Return the numbers of the trials' random seeds, (N,); None where no trial tells its own.

    A trial that does not tell shares its seed with no other: it gets a negative number of its own.
    """
    told = [trial.user_attrs.get(SEED_ATTRIBUTE) for trial in trials]
    if all(seed is None for seed in told):
        return None
    pairs = zip(told, trials, strict=True)
    return np.array([-1 - t.number if seed is None else seed for seed, t in pairs], dtype=np.intp)


def seeds_had(
    row_of: Callable[[FrozenTrial], Row | None], trials: Sequence[FrozenTrial], own: int
) -> dict[Row, set[int]]:
    """Return the seeds that each assignment had or has in training, without trial `own`."""
    had: dict[Row, set[int]] = {}
    for trial in trials:
        row = row_of(trial) if trial.number != own else None
        if row is not None and SEED_ATTRIBUTE in trial.user_attrs:
            had.setdefault(row, set()).add(trial.user_attrs[SEED_ATTRIBUTE])
    return had


def pending(layers: LayerSpace, trials: Sequence[FrozenTrial], own: int) -> list[FrozenTrial]:
    """Return the trials that are running and have all layers, without the trial number `own`."""
    return [
        trial
        for trial in trials
        if trial.state == TrialState.RUNNING and trial.number != own and layers.number(trial) is not None
    ]


def _values(
    trial: FrozenTrial, stopped: set[float], fidelity_of: Callable[[int], float]
) -> list[tuple[float, float]]:
    """Return fidelities and values: the end, and the latest at each at which trials have been stopped."""
    if trial.state == TrialState.FAIL:
        return [(1.0, math.nan)]
    if trial.state not in _FINISHED:
        return []
    latest = {fidelity_of(step): trial.intermediate_values[step] for step in _steps(trial)}
    values = [(part, value) for part, value in latest.items() if part in stopped and part < 1.0]
    if trial.state == TrialState.COMPLETE and trial.values is not None:
        values.append((1.0, trial.values[0]))
    return values


def _steps(trial: FrozenTrial) -> list[int]:
    return sorted(trial.intermediate_values)


def _fidelities(trials: Sequence[FrozenTrial], max_step: int | None) -> Callable[[int], float]:
    """Return what turns a step into a part of a full training: a power of 1/2, below 1."""
    complete = [step for trial in trials if trial.state == TrialState.COMPLETE for step in _steps(trial)]
    reported = [step for trial in trials for step in _steps(trial)]
    first = 1 if 0 in reported else 0  # steps may be counted from 0 or from 1
    last = max(complete or reported or [1]) if max_step is None else max_step

    @cache
    def fidelity(step: int) -> float:
        part = (step + first) / max(last + first, 1)
        return float(2.0 ** min(-1, round(math.log2(max(part, _SHORTEST)))))

    return fidelity


def _kept(values: Sequence[float]) -> list[int]:
    """Return which observations to keep, in their order: all, or else the best half and an even sample."""
    if len(values) <= _MOST:
        return list(range(len(values)))
    best = np.argsort(values, kind="stable")[: _MOST // 2].tolist()
    return sorted({*best, *np.linspace(0, len(values) - 1, _MOST // 2).astype(int).tolist()})
