"""Variables of a study: one choice of an activation per layer or group of layers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from autoact.activations import Parameter
from autoact.errors import ConfigurationError
from autoact.spaces import Assignment, Bounds, Choice, SearchSpace


class LayerPlan(Protocol):
    """The part of a `ConversionPlan` that variables use."""

    @property
    def layers(self) -> Mapping[str, Choice]:
        """Present activation by layer."""

    @property
    def placed(self) -> Mapping[str, Bounds]:
        """Layers that are `AutoActivation` modules of the model's own, with their bounds."""

    @property
    def candidates(self) -> Mapping[str, tuple[str, ...]]:
        """Names that compete in each layer."""

    @property
    def settings(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Parameter values that the model brings, by layer and activation."""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Layers that make one choice together."""

    @property
    def space(self) -> SearchSpace:
        """The search space."""


@dataclass(frozen=True)
class Variable:
    """One choice: the layers that share it, by path with their present activation, and its candidates.

    Attributes:
        name: Its name in a study.
        layers: Present activation by path; None for an `AutoActivation` of the model's own: a mixture.
        candidates: Names that compete.
        bounds: Ranges of parameters.
        settings: Parameter values that the model brings, by path and activation.
        derived: What a mixture derived for the layers, by path; with parameters of its own it is one more
            option.
    """

    name: str
    layers: Mapping[str, Choice | None]
    candidates: tuple[str, ...]
    bounds: Bounds = field(default_factory=Bounds)
    settings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    derived: Mapping[str, Choice] = field(default_factory=dict)

    @cached_property
    def options(self) -> dict[str, dict[str, Choice]]:
        """What each value of the study's parameter stands for: activations by path."""
        known = {name: {path: self.choice(path, name) for path in self.layers} for name in self.candidates}
        if self.derived and dict(self.derived) not in known.values():
            known.setdefault(_label(next(iter(self.derived.values()))), dict(self.derived))
        return known

    def choice(self, path: str, activation: str) -> Choice:
        """Return a layer's choice: with the model's own settings, else defaults."""
        own = self.settings.get(path, {}).get(activation)
        return Choice(activation, own or self.bounds.defaults(activation))

    def searched(self, activation: str) -> Iterator[tuple[str, Parameter]]:
        """Iterate over the parameters that a study may suggest, by their name in the study.

        A parameter for which the model brings one value per channel keeps them.
        """
        per_channel = {
            name
            for own in self.settings.values()
            for name, value in own.get(activation, {}).items()
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
        offered.update(name for path in plan.placed for name in plan.candidates[path])
        competing = dict.fromkeys(name for names in plan.candidates.values() for name in names)
        variables = tuple(_variable(plan, group) for group in plan.groups)
        return cls(variables, tuple(name for name in competing if name in offered), mixture)

    @property
    def original(self) -> Assignment:
        """The model as it is; it does not name mixtures of the model's own, which stay what they are."""
        return Assignment(
            {path: now for v in self.variables for path, now in v.layers.items() if now is not None},
            name="original",
        )

    def uniform(self, activation: str) -> Assignment:
        """Return one activation wherever it may compete; other layers stay as they are."""
        chosen = {
            path: v.choice(path, activation)
            for v in self.variables
            for path in v.layers
            if activation in v.candidates
        }
        order = (path for v in self.variables for path in v.layers)
        found = {**self.original, **chosen}
        return Assignment({path: found[path] for path in order if path in found}, name=activation)

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """Names that compete, by variable."""
        return tuple(variable.candidates for variable in self.variables)

    @property
    def parametric(self) -> bool:
        """Whether there is nothing to choose but parameters of activations."""
        single = all(len(names) == 1 for names in self.candidates)
        return single and any(True for v in self.variables for _ in v.searched(v.candidates[0]))

    def of_all(self, derived: Assignment) -> Assignment:
        """Return what a mixture derived for every layer: a copy that it does not name has its source's."""
        return Assignment(
            {
                path: derived[path if path in derived else next(iter(v.layers))]
                for v in self.variables
                for path in v.layers
            },
            name=derived.name,
        )

    def moved(self, earlier: Assignment) -> tuple[Assignment, tuple[str, ...]]:
        """Return another model's assignment in this one, and the layers that cannot have their part of it.

        Each takes the activation of the layer of its kind nearest in relative depth, with the parameters that
        it has here; where that is no candidate, the layer stays as it is.

        Args:
            earlier: The assignment.

        Raises:
            ConfigurationError: A layer of a kind that it does not name, or no layer can have its part.
        """
        near = earlier.stretched(path for v in self for path in v.layers)
        choices, others = dict[str, Choice](), list[str]()
        for variable in self:
            now = next(iter(variable.layers.values()))
            name = near[next(iter(variable.layers))].activation
            if name not in variable.candidates:
                others += variable.layers
                own = None if now is None else now.activation
                name = own if own in variable.candidates else variable.candidates[0]
            keeps = self.parametric and name == near[next(iter(variable.layers))].activation
            choices |= {
                path: near[path] if keeps else variable.choice(path, name) for path in variable.layers
            }
        if len(others) == len(choices):
            raise ConfigurationError(
                f"Of {earlier.name or 'the assignment'} ({earlier}) no layer can have its part: the "
                f"candidates are {', '.join(self.names)}. Add its activations to the space."
            )
        return Assignment(choices, name=earlier.name), tuple(others)

    def with_derived(self, assignment: Assignment | None) -> "Variables":
        """Return the variables with what a mixture derived as one more option."""
        if assignment is None or self.parametric:
            return self
        return replace(
            self,
            variables=tuple(
                replace(variable, derived={path: assignment[path] for path in variable.layers})
                for variable in self.variables
            ),
        )

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return what a study draws from: options by variable; parameters where there is nothing else."""
        found: dict[str, BaseDistribution] = {
            v.name: CategoricalDistribution(list(v.options)) for v in self.variables
        }
        for name, parameter in self._parameters():
            low, high = _range(parameter)
            found[name] = FloatDistribution(low, high, log=low > 0)
        return found

    def assignment(self, values: Mapping[str, Any]) -> Assignment:
        """Return what values of a study's parameters stand for."""
        choices: dict[str, Choice] = {}
        for variable in self.variables:
            option = variable.options[values[variable.name]]
            for path, choice in option.items():
                given = {
                    parameter.name: values[name]
                    for name, parameter in variable.searched(choice.activation)
                    if self.parametric
                }
                choices[path] = Choice(choice.activation, {**choice.parameters, **given})
        return Assignment(choices)

    def values(self, assignment: Assignment) -> dict[str, Any] | None:
        """Return the values of a study's parameters that stand for an assignment, None where none do."""
        found: dict[str, Any] = {}
        if not self._names_all(assignment):
            return None
        for variable in self.variables:
            chosen = {path: assignment[path] for path in variable.layers}
            options = variable.options
            if self.parametric:
                (name,) = variable.candidates
                if any(choice.activation != name for choice in chosen.values()):
                    return None
                found[variable.name] = name
                found |= _clipped(variable, name, chosen.values())
            else:
                label = next(iter(chosen.values())).activation  # of 40 options mostly the right one at once
                if options.get(label) != chosen:
                    label = next((label for label, option in options.items() if option == chosen), "")
                if not label:
                    return None
                found[variable.name] = label
        return found

    def allows(self, assignment: Assignment) -> bool:
        """Tell whether every layer's activation competes there; a requirement may rule out the original's."""
        return self._names_all(assignment) and all(
            assignment[path].activation in variable.candidates
            and not variable.bounds.violation(assignment[path])
            for variable in self.variables
            for path in variable.layers
        )

    def _names_all(self, assignment: Assignment) -> bool:
        """Tell whether an assignment leaves no mixture of the model's own."""
        return all(path in assignment for variable in self.variables for path in variable.layers)

    def _parameters(self) -> Iterator[tuple[str, Parameter]]:
        if self.parametric:
            for variable in self.variables:
                yield from variable.searched(variable.candidates[0])

    def __iter__(self) -> Iterator[Variable]:
        """Iterate over the variables."""
        return iter(self.variables)


def _variable(plan: LayerPlan, group: tuple[str, ...]) -> Variable:
    name = group[0] if len(group) == 1 else f"group {group[0]}"
    candidates = dict.fromkeys(candidate for path in group for candidate in plan.candidates[path])
    return Variable(
        name,
        layers={path: plan.layers.get(path) for path in group},
        candidates=tuple(candidates),
        bounds=plan.placed.get(group[0], plan.space.bounds),
        settings={path: plan.settings[path] for path in group},
    )


def _range(parameter: Parameter) -> tuple[float, float]:
    assert parameter.search is not None
    return parameter.search


def _label(choice: Choice) -> str:
    """Return an activation with its parameters, of those per channel the means: it can be read back."""
    means = {
        name: fmean(value) if isinstance(value, tuple) else value for name, value in choice.parameters.items()
    }
    return str(Choice(choice.activation, means))


def _clipped(variable: Variable, activation: str, chosen: Iterable[Choice]) -> dict[str, float]:
    """Return the parameters of some layers' choices by their name in a study, within its ranges."""
    found = {}
    choices = list(chosen)
    for name, parameter in variable.searched(activation):
        low, high = _range(parameter)
        values = [choice.parameters[parameter.name] for choice in choices]
        mean = fmean(fmean(value) if isinstance(value, tuple) else value for value in values)
        found[name] = min(max(mean, low), high)
    return found
