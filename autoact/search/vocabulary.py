"""What the names that the policy uses stand for: activations with their parameters, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from autoact.search.policy import Names
from autoact.search.variables import Variable, Variables
from autoact.spaces import Assignment, Choice

Meaning = Mapping[str, Choice]  # of the layers of one variable, by path


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names by variable, each with the choices that it stands for.

    Every candidate is there with the model's own parameters, else its defaults; what a mixture derived is
    there, too, where it learned other parameters.

    Example:
        >>> from torch import nn
        >>> from autoact.conversion import find_layers
        >>> variables = Variables.of(find_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["relu", "elu"]))
        >>> words = Vocabulary.of(variables, Assignment({"1": Choice("elu", {"alpha": 0.3})}))
        >>> words.candidates
        (('relu', 'elu', 'elu(alpha=0.3)'),)
        >>> print(words.assignment(("elu(alpha=0.3)",)))
        1=elu(alpha=0.3)
    """

    meanings: tuple[Mapping[str, Meaning], ...]

    @classmethod
    def of(cls, variables: Variables, prior: Assignment | None) -> Vocabulary:
        """Build it from the variables of a search and what its mixture derived, if there is one."""
        return cls(tuple(_meanings(variable, prior) for variable in variables))

    @property
    def candidates(self) -> tuple[Names, ...]:
        """Names by variable."""
        return tuple(map(tuple, self.meanings))

    def assignment(self, names: Names) -> Assignment:
        """Return what one name per variable stands for."""
        chosen = (meaning[name] for meaning, name in zip(self.meanings, names, strict=True))
        return Assignment({path: choice for each in chosen for path, choice in each.items()})

    def names(self, assignment: Assignment) -> Names | None:
        """Return the names that stand for exactly this; None where there are none."""
        found = [
            next((name for name, each in meaning.items() if _same(each, assignment)), None)
            for meaning in self.meanings
        ]
        return None if None in found else tuple(str(name) for name in found)


def _meanings(variable: Variable, prior: Assignment | None) -> dict[str, Meaning]:
    known: dict[str, Meaning] = {
        name: {path: variable.choice(path, name) for path in variable.layers} for name in variable.candidates
    }
    if prior is not None:
        learned = {path: prior[path] for path in variable.layers}
        label = _label(next(iter(learned.values())))
        if label not in known and learned not in known.values():
            known[label] = learned
    return known


def _label(choice: Choice) -> str:
    """Return an activation with its parameters, of those per channel the means."""
    means = {
        name: fmean(value) if isinstance(value, tuple) else value for name, value in choice.parameters.items()
    }
    return str(Choice(choice.activation, means))


def _same(meaning: Meaning, assignment: Assignment) -> bool:
    return all(assignment[path] == choice for path, choice in meaning.items())
