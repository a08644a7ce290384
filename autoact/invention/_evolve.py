"""Evolution: formulas are bred and trained in all layers of a model, and the best one gets a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch

from autoact.activations import Activation, get, register_file, registered_meanwhile
from autoact.conversion import find_layers
from autoact.errors import log
from autoact.invention._activation_file import check_name, file_text, write_new
from autoact.invention._breeding import BUDGET, breed, check_budget
from autoact.invention._fits import Form
from autoact.invention._found_formula import FAMILY, FoundFormula, violation
from autoact.invention._trees import Tree
from autoact.search.setup import Settings
from autoact.spaces import Assignment, Requirements
from autoact.training import DataParts, Measurement, split, train
from autoact.training.fit import laid_out
from autoact.training.stack import Member, NotStackable, train_stack

_TOLD = 5  # formulas in the summary


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evolved:
    """What evolution chose.

    Attributes:
        name: Of the activation, registered by now.
        path: Python file that registers it.
        formula: What was chosen.
        values: Monitored value by formula, the mean over its seeds; the best of those that were trained on
            several seeds first; infinite where a training diverged.

    Example:
        >>> Evolved.__slots__[:2]
        ('name', 'path')
    """

    name: str
    path: Path
    formula: FoundFormula
    values: Mapping[str, float]

    @property
    def activation(self) -> Activation:
        """The activation."""
        return get(self.name)

    def summary(self) -> str:
        """Return the best formulas and the choice in words."""
        best = list(self.values.items())[:_TOLD]
        return "\n".join(
            [
                f"{'value':>10}  formula",
                *(f"{value:>10.4g}  {text}" for text, value in best),
                "",
                f"{self.name}(x) = {self.formula.source}, chosen among {len(self.values)}",
                f"Written to {self.path}. It was chosen by these values, so they flatter it: let a search "
                f"compare it, with `candidates: [..., {self.name}]` in a space.",
            ]
        )


def evolve(
    model: Callable[[], Any],
    data: Any,
    *,
    name: str,
    monitor: str,
    trainer: Mapping[str, Any],
    mode: str | None = None,
    out: str | os.PathLike[str] | None = None,
    budget: int = BUDGET,
    seed: int = 0,
    require: Mapping[str, Any] | None = None,
) -> Evolved:
    """Breed formulas, each trained in all layers of a fresh model, and register the best under a name.

    Formulas are children of those that did well (genetic programming); a Gaussian process over functions says
    which of the children to train. The four best are trained on fresh seeds, which choose. What is registered
    already is not chosen. Where the model can be stacked, a generation is trained as one.

    Args:
        model: Makes a fresh LightningModule.
        data: What `run_search` takes: a data module, a callable that makes one, loaders, or None.
        name: Of the activation.
        monitor: Value that the validation logs.
        trainer: Arguments of `lightning.Trainer`; `max_epochs`, `max_steps` or `max_time` among them.
        mode: "min" or "max"; None infers it from the monitor's name.
        out: Python file to write; NAME.py by default.
        budget: Full trainings, 32 or more.
        seed: Of what is drawn; trainings have the seeds from there.
        require: What a search space may require, such as {"smoothness": 2}.

    Returns:
        What was chosen.

    Raises:
        ConfigurationError: A wrong argument, a name or file that is taken; all before any training. No
            formula that meets the requirements.
        SearchFailedError: The trainings of all new formulas diverged.

    Example:
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> evolve(DigitsModel, DigitsData, name="relu", monitor="val_loss", trainer={"max_epochs": 1})
        Traceback (most recent call last):
        autoact.errors.ConfigurationError: The name 'relu' is taken by Activation(relu). Choose another name.
    """
    path = Path(out if out is not None else f"{name}.py")
    check_name(name, path)
    mode = Settings.of({"monitor": monitor, "mode": mode}).mode
    requirements = Requirements(**dict(require or {}))
    check_budget(budget)
    trainings = _Trainings(model, split(data, model=model), monitor, trainer, -1.0 if mode == "max" else 1.0)
    tried = breed(
        trainings.score,
        budget=budget,
        seed=seed,
        allowed=lambda tree: violation(requirements, _formula(tree)) is None,
    )
    formula, sign = _formula(tried[0].tree), trainings.sign
    found_on = {
        "layers": trainings.layers,
        "monitor": monitor,
        "trainings": sum(len(one.losses) for one in tried),
        "scores": {seed: sign * loss for seed, loss in tried[0].losses.items()},
    }
    values = {str(one.tree.expression): sign * one.loss for one in tried}
    write_new(path, file_text(name, formula, None, found_on))
    register_file(path)
    return Evolved(name=name, path=path, formula=formula, values=values)


@dataclass(frozen=True, eq=False)
class _Trainings:
    model: Callable[[], Any]
    parts: DataParts
    monitor: str
    trainer: Mapping[str, Any]
    sign: float

    @property
    def layers(self) -> list[str]:
        """The paths of the activations."""
        return list(find_layers(laid_out(self.model, self.parts, self.trainer), ["relu"]).layers)

    def score(self, trees: Sequence[Tree], seeds: Sequence[int]) -> np.ndarray:
        """Return monitored values, less for better ones, (trees, seeds); nan of what diverged."""
        acts, layers = [_activation(tree) for tree in trees], self.layers
        with registered_meanwhile(acts):
            members = [
                Member(assignment=Assignment(dict.fromkeys(layers, act.name)), seed=seed)
                for act in acts
                for seed in seeds
            ]
            found = self._measured(members)
        values = [self.sign * float(one.selection) if one.finite else np.nan for one in found]
        log.info("trained %d formulas on %d seeds", len(trees), len(seeds))
        return np.array(values).reshape(len(trees), len(seeds))

    def _measured(self, members: Sequence[Member]) -> list[Measurement]:
        given: dict[str, Any] = {"monitor": self.monitor, "trainer": self.trainer}
        try:
            return train_stack(self.model, self.parts, members, **given)
        except (NotStackable, torch.OutOfMemoryError) as why:
            log.info("trained one by one: %s", why)
        return [
            train(self.model, self.parts, seed=one.seed, assignment=one.assignment, **given)
            for one in members
        ]


def _activation(tree: Tree) -> Activation:
    """Return a formula under a name that follows from it."""
    return Activation(f"bred_{crc32(str(tree.expression).encode()):08x}", tree.expression, family=FAMILY)


def _formula(tree: Tree) -> FoundFormula:
    """Return a tree of x as a formula of beta x, beta 1 at first."""
    return FoundFormula(
        Form(terms=(tree,), line=False, shifted=False, inner=(1.0, 0.0, 1.0), outer=(0.0, 1.0), error=0.0)
    )
