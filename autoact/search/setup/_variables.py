"""What a study varies: one categorical per layer or group of layers, and the parameters of what it names."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Protocol

from autoact.activations import Parameter
from autoact.spaces import Assignment, Bounds, Choice, SearchSpace

Value = float | tuple[float, ...]


class Suggester(Protocol):
    """The part of an Optuna trial that variables use."""

    def suggest_categorical(self, name: str, choices: list[str]) -> Any:
        """Choose one of some names."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Choose a number in a range."""


class LayerPlan(Protocol):
    """The part of a `ConversionPlan` that variables use."""

    @property
    def layers(self) -> Mapping[str, Choice]:
        """Present activation by layer."""

    @property
    def candidates(self) -> Mapping[str, tuple[str, ...]]:
        """Names that compete in each layer."""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Layers that make one choice together."""

    @property
    def space(self) -> SearchSpace:
        """The search space."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One choice: the layers that share it, by path with their present choice, its candidates and bounds."""

    name: str
    layers: Mapping[str, Choice]
    candidates: tuple[str, ...]
    bounds: Bounds = field(default_factory=Bounds)

    def choice(self, path: str, activation: str, suggested: Mapping[str, float] | None = None) -> Choice:
        """Return a layer's choice: what is suggested, else the model's own settings, else defaults."""
        own = self.layers[path]
        kept = own.activation == activation and not self.bounds.violation(own)
        known = own.parameters if kept else self.bounds.defaults(activation)
        return Choice(activation, {**known, **(suggested or {})})

    def searched(self, activation: str) -> Iterator[tuple[str, Parameter]]:
        """Iterate over the parameters that a study suggests, by their name in the study.

        A parameter for which the model brings one value per channel keeps them.
        """
        per_channel = {
            name
            for own in self.layers.values()
            if own.activation == activation
            for name, value in own.parameters.items()
            if isinstance(value, tuple)
        }
        for parameter in self.bounds.parameters(activation):
            if parameter.search is not None and parameter.name not in per_channel:
                yield f"{self.name}.{activation}.{parameter.name}", parameter


@dataclass(frozen=True, slots=True)
class Variables:
    """All choices of a search, in the order of the model; `names` is every activation that the space offers.

    Example:
        >>> from torch import nn
        >>> from autoact.conversion import find_layers
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.Linear(2, 2), nn.ReLU())
        >>> variables = Variables.of(find_layers(model, ["relu", "tanh"]))
        >>> [variable.candidates for variable in variables]
        [('relu', 'tanh', 'gelu'), ('relu', 'tanh')]
        >>> print(variables.uniform("relu"))
        1=relu, 3=relu
    """

    variables: tuple[Variable, ...]
    names: tuple[str, ...]
    mixture: bool = True

    @classmethod
    def of(cls, plan: LayerPlan, *, mixture: bool = True) -> "Variables":
        """Build the variables for the layers that a plan has found.

        Args:
            plan: The layers.
            mixture: Whether one mixture of all candidates can be trained; a user's function cannot.
        """
        space = plan.space
        offered = {*space.candidates, *(name for rule in space.layers for name in rule.candidates or ())}
        competing = dict.fromkeys(name for names in plan.candidates.values() for name in names)
        variables = tuple(_variable(plan, group) for group in plan.groups)
        return cls(variables, tuple(name for name in competing if name in offered), mixture)

    @property
    def original(self) -> Assignment:
        """The model as it is."""
        return Assignment(
            {path: choice for v in self.variables for path, choice in v.layers.items()}, name="original"
        )

    def uniform(self, activation: str) -> Assignment:
        """Return one activation wherever it may compete; other layers stay as they are."""
        return Assignment(
            {
                path: v.choice(path, activation) if activation in v.candidates else own
                for v in self.variables
                for path, own in v.layers.items()
            },
            name=activation,
        )

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """Names that compete, by variable."""
        return tuple(variable.candidates for variable in self.variables)

    @property
    def parametric(self) -> bool:
        """Whether there is nothing to choose but parameters of activations."""
        single = all(len(names) == 1 for names in self.candidates)
        return single and any(True for v in self.variables for _ in v.searched(v.candidates[0]))

    def suggest(self, trial: Suggester) -> Assignment:
        """Ask a trial for every choice, and for the parameters of what it chose."""
        choices: dict[str, Choice] = {}
        for variable in self.variables:
            activation = trial.suggest_categorical(variable.name, list(variable.candidates))
            suggested = {
                parameter.name: trial.suggest_float(name, *_range(parameter), log=_range(parameter)[0] > 0)
                for name, parameter in variable.searched(activation)
            }
            for path in variable.layers:
                choices[path] = variable.choice(path, activation, suggested)
        return Assignment(choices)

    def allows(self, assignment: Assignment) -> bool:
        """Tell whether every layer's activation competes there; a requirement may rule out the original's."""
        return all(
            assignment[path].activation in variable.candidates
            and not variable.bounds.violation(assignment[path])
            for variable in self.variables
            for path in variable.layers
        )

    def encode(self, assignment: Assignment) -> dict[str, str | float]:
        """Return the parameters of a trial nearest to an assignment.

        A value outside the range of the search is clipped; layers of a group that differ are represented by
        the activation that most of them have.
        """
        encoded: dict[str, str | float] = {}
        for variable in self.variables:
            chosen = [assignment[path] for path in variable.layers]
            activation = _most_common([choice.activation for choice in chosen])
            encoded[variable.name] = activation
            same = [choice for choice in chosen if choice.activation == activation]
            for name, parameter in variable.searched(activation):
                low, high = _range(parameter)
                value = fmean(_scalar(choice.parameters[parameter.name]) for choice in same)
                encoded[name] = min(max(value, low), high)
        return encoded

    def description(self) -> dict[str, dict[str, list[str]]]:
        """Return layers and candidates by variable: what must not change when a study goes on."""
        return {v.name: {"layers": list(v.layers), "candidates": list(v.candidates)} for v in self.variables}

    def __iter__(self) -> Iterator[Variable]:
        """Iterate over the variables."""
        return iter(self.variables)


def key_of(assignment: Assignment) -> str:
    """Return a short text that is equal for equal assignments, across processes and runs.

    Example:
        >>> key_of(Assignment({"a": Choice("elu")})) == key_of(Assignment({"a": Choice("elu", {"alpha": 1})}))
        True
    """
    layers = assignment.to_dict()["layers"]
    return hashlib.sha256(json.dumps(layers, sort_keys=True).encode()).hexdigest()[:16]


def _variable(plan: LayerPlan, group: tuple[str, ...]) -> Variable:
    name = group[0] if len(group) == 1 else f"group {group[0]}"
    candidates = dict.fromkeys(candidate for path in group for candidate in plan.candidates[path])
    return Variable(name, {path: plan.layers[path] for path in group}, tuple(candidates), plan.space.bounds)


def _range(parameter: Parameter) -> tuple[float, float]:
    assert parameter.search is not None
    return parameter.search


def _scalar(value: Value) -> float:
    return fmean(value) if isinstance(value, tuple) else value


def _most_common(names: list[str]) -> str:
    return max(names, key=names.count)  # the first of those that tie
