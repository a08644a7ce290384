"""Fit of a perceptron to rows: its activations are chosen, and the one that was validated best is kept."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from autoact.conversion import original_assignment
from autoact.errors import SearchFailedError
from autoact.search import run_search
from autoact.spaces import Assignment, SearchSpace
from autoact.tabular._training_setup import loaders_for, model_for, trainer_for
from autoact.tabular.splits import FEWEST, Indices, Split, split_groups, split_rows
from autoact.training import Measurement, train
from autoact.training.tasks import Perceptron

_MONITOR = "val_loss"
_FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained perceptron and how its activations were chosen.

    Attributes:
        model: The model, in float64 and ready to predict: the mean of its folds.
        assignment: Its activations.
        val_loss: Its loss on rows that it has not learned from.
        verdict: What a full search found, None where there was none.
        report: That search's report.
    """

    model: Perceptron
    assignment: Assignment
    val_loss: float
    verdict: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Everything that a fit needs.

    Attributes:
        x: Inputs, float32 (rows, inputs).
        y: Classes as integers, or numbers.
        classes: How many classes; 0 for a regression.
        space: The search space.
        hidden: Units per hidden layer.
        max_epochs: Length of a training; None takes one that suits the rows.
        seed: Everything random follows from it.
        weights: Of the rows, above 0, in training and validation; None: all alike.
        groups: Number of each row's group, which stays together; None: each row stands for itself.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    classes: int
    space: SearchSpace
    hidden: Sequence[int]
    max_epochs: int | None
    seed: int
    weights: NDArray[np.float64] | None = None
    groups: Indices | None = None

    def by_mixture(self) -> Fitted:
        """Train a mixture, then the original and the mixture's choice; keep the better of the two."""
        mixture, _ = self._train(space=self.space)
        choices = [self._original()]
        if mixture.finite and mixture.assignment is not None:
            choices.append(mixture.assignment)
        return self._best(choices)

    def by_search(self, budget: int, seeds: int, out: str | os.PathLike[str] | None) -> Fitted:
        """Search with a verdict on rows set aside, then train the choice on all rows.

        A choice that the verdict calls worse than the original is not taken.
        """
        split = self._divided(compare=True, fewest=FEWEST)
        with TemporaryDirectory(prefix="autoact-") as folder:
            result = run_search(
                self._maker(split),
                loaders_for(torch.from_numpy(self.x), self.y, split, self.weights),
                space=self.space,
                monitor=_MONITOR,
                budget=budget,
                seeds=seeds,
                out=Path(folder) / "run" if out is None else out,
                trainer=trainer_for(len(split.train), self.max_epochs),
                seed=self.seed,
                quiet=True,
                task="table",
            )
        chosen = self._original() if result.verdict == "worse" else result.assignment
        return replace(self._best([chosen]), verdict=result.verdict, report=result.report)

    def _best(self, choices: Sequence[Assignment]) -> Fitted:
        trained = [(*self._train(assignment=choice), choice) for choice in choices]
        finite = [found for found in trained if found[0].finite]
        if not finite:
            raise SearchFailedError("No training ended with a finite loss. Check the data for huge values.")
        training, model, choice = min(finite, key=lambda found: found[0].selection)
        return Fitted(model=_detached(model), assignment=choice, val_loss=training.selection)

    @cached_property
    def _split(self) -> Split:
        return self._divided(compare=False, fewest=_FEWEST)

    def _divided(self, **how: Any) -> Split:
        how |= {"classes": self.classes > 0, "seed": self.seed}
        if self.groups is None:
            return split_rows(self.y, **how)
        return split_groups(self.y, self.groups, source="groups", **how)

    def _maker(self, split: Split) -> Callable[[], Perceptron]:
        y, weights = self.y[split.train], None if self.weights is None else self.weights[split.train]
        return model_for(self.x.shape[1], y, self.classes, self.hidden, split.folds, weights)

    def _original(self) -> Assignment:
        return original_assignment(self._maker(self._split)(), self.space)

    def _train(self, **how: Any) -> tuple[Measurement, Perceptron]:
        make, made = self._maker(self._split), list[Perceptron]()

        def remembered() -> Perceptron:
            made.append(make())
            return made[-1]

        learned, validated = loaders_for(torch.from_numpy(self.x), self.y, self._split, self.weights)
        training = train(
            remembered,
            (learned, validated, validated),  # a third loader, or half of the second would be set aside
            seed=self.seed,
            monitor=_MONITOR,
            trainer=trainer_for(len(self._split.train), self.max_epochs),
            **how,
        )
        return training, made[-1]


def _detached(model: Perceptron) -> Perceptron:
    """Return a model without its Trainer, in float64: a row's prediction depends on that row alone."""
    model.trainer = None
    return model.double().eval()
