"""Refining of a derived model: what replacing a mixture has cost, and how far more training wins it back."""

import glob
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from autoact import conversion
from autoact.nn import AutoActivation
from autoact.spaces import Assignment, Choice, LayerRule, SearchSpace
from autoact.training.callback import ActivationSearch
from autoact.training.fit._trainer_arguments import trainer_arguments

_WITHOUT = 0.1  # of the epochs, where there is nothing to learn but weights
_DOUBT = 1.25  # times the error of the nearest candidate: up to here one that can still move is preferred


class Refining:
    """Train a derived model on, its activations' own parameters with it.

    The projection of a mixture finds parameters up to scale and offset, which the next layer has to make up
    for. Where a layer's scale is fixed, and wherever training goes on, they are better learned in place.

    Args:
        module: A model whose mixture has been trained; its layers become what was derived.
        derived: That. Where another candidate is about as near and has a parameter to learn, it is taken
            instead: it will come nearer.
        space: The space of the mixture, for its bounds and groups.
        learned: What the mixture learned, by layer; see `Measurement.mixture`.
    """

    def __init__(
        self,
        module: LightningModule,
        derived: Assignment,
        space: Any,
        learned: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.given, self.space = derived, SearchSpace.of(space).within(derived)
        self._mixtures = {
            conversion.unwrapped(path): layer
            for path, layer in module.named_modules(remove_duplicate=False)
            if isinstance(layer, AutoActivation)
        }
        self.derived = Assignment(
            {path: self._movable(path, choice, learned.get(path)) for path, choice in derived.items()},
            name=derived.name,
        )
        conversion.apply(module, self.derived)
        self.search: ActivationSearch | None = None
        self.share = 0.0
        self.learns = {
            path: self._learnable(path, choice.activation) and not self._shared(path)
            for path, choice in self.derived.items()
        }

    def trainer(self, settings: Mapping[str, Any], share: float, root: str) -> Trainer | None:
        """Return the Trainer of a share of the epochs; None where epochs are not what counts.

        Without parameters to learn, a tenth of them is enough to tell what the derivation has cost.
        """
        whole = settings.get("max_epochs") or 0
        epochs = round(min(share, 1.0 if any(self.learns.values()) else _WITHOUT) * whole)
        if epochs < 1:
            return None
        self.share = epochs / whole
        first: list[Callback] = []
        if any(self.learns.values()):
            self.search = ActivationSearch(self._own(), start="uniform")
            first = [self.search]
        return Trainer(**trainer_arguments({**settings, "max_epochs": epochs}, first=first, root=root))

    def assignment(self) -> Assignment:
        """Return what was derived, with the parameters that were learned since, as far as they are finite."""
        found = self.search.derived if self.search is not None else None
        if found is None:
            return self.derived
        merged = {path: found.get(path, choice) for path, choice in self.derived.items()}
        return Assignment(merged, name=self.derived.name)

    def _movable(self, path: str, choice: Choice, learned: Mapping[str, Any] | None) -> Choice:
        """Return a layer's choice, or one that is about as near and has a parameter to learn."""
        if learned is None or self._shared(path) or self._learnable(path, choice.activation):
            return choice
        errors = {name: error for name, error in learned["errors"].items() if self._learnable(path, name)}
        near = min(errors, key=errors.__getitem__, default=None)
        if near is None or errors[near] > _DOUBT * learned["error"]:
            return choice
        values = {
            key.partition(".")[2]: value
            for key, value in learned["values"].items()
            if key.partition(".")[0] == near
        }
        return Choice(near, values)

    def _learnable(self, path: str, activation: str) -> bool:
        """Tell whether an activation has a parameter that may move here as it moves anywhere in the space."""
        known, layer = self.space.bounds.parameters(activation), self._mixtures.get(path)
        own = layer is None or (
            layer.relaxation.learn_parameters and layer.bounds.parameters(activation) == known
        )
        return own and any(parameter.learnable for parameter in known)

    def _own(self) -> SearchSpace:
        """Return the space in which a layer with parameters has its own activation only, and others stay."""
        rules = [
            LayerRule(match=glob.escape(path), candidates=(choice.activation,))
            if self.learns[path]
            else LayerRule(match=glob.escape(path), keep=True)
            for path, choice in self.derived.items()
        ]
        names = tuple(dict.fromkeys(c.activation for path, c in self.derived.items() if self.learns[path]))
        return SearchSpace("refined", names, layers=tuple(rules), bounds=self.space.bounds)

    def _shared(self, path: str) -> bool:
        rule = self.space.rule_for(path)
        return rule is not None and rule.share == "group"
