"""Objective of the user's own in place of a model: it trains whatever it likes and returns one number."""

import inspect
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from autoact.errors import ConfigurationError
from autoact.records import Training
from autoact.search.setup import Settings
from autoact.search.trainings._performing import Extras
from autoact.spaces import Assignment, Bounds, Choice, SearchSpace
from autoact.training import Measurement

Objective = Callable[[Assignment, int, float], float]
Layers = Mapping[str, Choice | str] | Sequence[str]

OBJECTIVE = "objective"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveTask:
    """The user's function where a search with a model has its trainings.

    Attributes:
        objective: Takes an assignment, a seed and the fraction of a full training to spend; returns a number.
        space: The search space.
        original: The activations to compare with.
        monitor: What the number is called.
    """

    objective: Objective
    space: SearchSpace
    original: Assignment
    monitor: str

    def measure(self, training: Training, extras: Extras) -> Measurement:
        """Return the number for one assignment and seed, as a training would."""
        compared = training.phase == "confirmation"
        return self.call(training.activations, training.seed, 1.0, comparison=compared)

    def call(self, assignment: Assignment, seed: int, fraction: float, *, comparison: bool) -> Measurement:
        """Call the function and check what it returns."""
        began = time.perf_counter()
        value = _number(self.objective(assignment, seed, fraction))
        return Measurement(
            selection=value,
            comparison=value if comparison else None,
            steps=0,  # the function's own affair
            planned_steps=math.nan,
            seconds=time.perf_counter() - began,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLayers:
    """The layers that a function speaks about: as much of a `ConversionPlan` as there is without a model.

    Attributes:
        layers: Present activation of every searched layer, by name.
        candidates: Names that compete in each.
        groups: Layers that make one choice together.
        left_alone: Why other layers are not searched.
        space: The search space.
        placed: None; a function's layers have present activations.
    """

    layers: Mapping[str, Choice]
    candidates: Mapping[str, tuple[str, ...]]
    groups: tuple[tuple[str, ...], ...]
    left_alone: Mapping[str, str]
    space: SearchSpace
    placed: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        """Parameter values of the present activations, where the space allows them."""
        return {
            path: {} if self.space.bounds.violation(now) else {now.activation: now.parameters}
            for path, now in self.layers.items()
        }


def check_objective(objective: Any, settings: Settings) -> None:
    """Refuse what cannot be called with an assignment, a seed and a fraction, and settings of no use to it.

    Raises:
        ConfigurationError: Says what to give instead.
    """
    wanted = "it must be a function of (assignment, seed, fraction) that returns a number"
    if not callable(objective):
        raise ConfigurationError(f"objective is {objective!r}; {wanted}.")
    try:
        inspect.signature(objective).bind(None, 0, 1.0)
    except TypeError as error:
        raise ConfigurationError(f"objective cannot be called: {error}; {wanted}.") from error
    except ValueError:
        pass  # a builtin that does not tell its arguments
    if settings.pareto is not None:
        raise ConfigurationError(
            f"pareto is {settings.pareto!r}, but with objective nobody here knows the model whose "
            f"{settings.pareto} that is. Give model and data, or leave it out; in a study of your own, "
            "autoact.FunctionSpaceSampler(costs=...) takes costs that you know."
        )
    stack = isinstance(settings.stack, int)
    for argument in ("trainer", "parameters", *(["stack"] if stack else [])):
        if getattr(settings, argument):
            raise ConfigurationError(
                f"{argument} is for a model; with objective, the function itself decides how it trains."
            )


def layers_of(layers: Layers | None, space: SearchSpace) -> NamedLayers:
    """Return what a model with these layers would give.

    Args:
        layers: Present activation by path, or paths (all have the space's first candidate at present); None
            takes the paths that the space's rules name.
        space: The search space.

    Raises:
        ConfigurationError: There are no layers, or a rule matches none.

    Example:
        >>> layers_of({"first": "relu", "second": "tanh"}, SearchSpace.of(["relu", "gelu"])).candidates
        {'first': ('relu', 'gelu'), 'second': ('relu', 'gelu', 'tanh')}
    """
    present = _present(layers, space)
    space = space.within(present)
    for rule in space.layers:
        rule.check_use(present)
    rules = {path: space.rule_for(path) for path in present}
    kept = {path: rule.match for path, rule in rules.items() if rule is not None and rule.keep}
    searched = {path: choice for path, choice in present.items() if path not in kept}
    if not searched:
        raise ConfigurationError("Every layer is kept as it is by a rule of the space; nothing is searched.")
    groups: dict[Any, list[str]] = {}
    for path in searched:
        of_path = rules[path]
        together = of_path is not None and of_path.share == "group"
        groups.setdefault(id(of_path) if together else path, []).append(path)
    return NamedLayers(
        layers=searched,
        candidates={path: _candidates(space, path, choice) for path, choice in searched.items()},
        groups=tuple(map(tuple, groups.values())),
        left_alone={path: f"kept by the rule match: {match!r}" for path, match in kept.items()},
        space=space,
    )


def _present(layers: Layers | None, space: SearchSpace) -> dict[str, Choice]:
    first = Choice(space.candidates[0])
    if layers is None:
        named = [rule.match for rule in space.layers if not set("*?[") & set(rule.match)]
        if not named:
            raise ConfigurationError(
                "layers is not given, and no rule of the space names a layer. Give layers=['hidden.1', ...], "
                "or layers={'hidden.1': 'relu', ...} with the activations that the model has now."
            )
        return dict.fromkeys(named, first)
    if isinstance(layers, str) or not isinstance(layers, Mapping | Sequence) or not layers:
        raise ConfigurationError(
            f"layers is {layers!r}; it must list names of layers, or map them to their present activations."
        )
    given = layers if isinstance(layers, Mapping) else dict.fromkeys(layers, first)
    wrong = [path for path in given if not isinstance(path, str) or not path]
    if wrong:
        raise ConfigurationError(f"layers holds {wrong[0]!r}; the name of a layer is a text.")
    return {path: now if isinstance(now, Choice) else Choice(now) for path, now in given.items()}


def _candidates(space: SearchSpace, path: str, present: Choice) -> tuple[str, ...]:
    names = space.candidates_for(path)
    return names if present.activation in names or space.refusal(present) else (*names, present.activation)


def _number(returned: Any) -> float:
    """Return a number from whatever stands for one: a Python or NumPy number, a tensor of one element."""
    try:
        value = returned.item() if hasattr(returned, "item") else returned
    except (ValueError, RuntimeError):  # an array or tensor of several elements
        value = None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigurationError(
            f"The objective returned {returned!r}; it must return one number, such as a validation loss."
        )
    return float(value)
