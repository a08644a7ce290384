"""Outcomes of the suite: what a case comes to with the callback and in a search."""

import copy
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import pytest
import torch

from autoact import ActivationSearch, apply, auto_layers, finalize, run_search
from autoact.errors import AutoActError, ConversionError
from autoact.nn import DoubtfulChoiceWarning
from autoact.search import SearchResult
from tests.search.models import SMALLEST
from tests.search.suite.registry import Case

WORKS = "works"
VERDICTS = ("improved", "no significant difference", "worse")


class Outcome(NamedTuple):
    """How a case ends.

    Args:
        layers: How many layers were found.
        ended: "works", with a remark, or the line in which it ends.
    """

    layers: int
    ended: str


Check = Callable[[Case, Path], Outcome]


def outcome(check: Check, case: Case, root: Path, line: str) -> Outcome:
    """Return how a case ends; an expected line stands for the whole that holds it."""
    try:
        return check(case, root)
    except AutoActError as error:
        said = str(error)
        assert len(said.splitlines()) == 1, said
        return Outcome(0, line if line and line in said else said)


def with_callback(case: Case, root: Path) -> Outcome:
    """Fit, look at what was chosen, and go on with plain activations."""
    search, begun = ActivationSearch(list(case.space)), Beginning()
    settings = length(case)
    settings["callbacks"] = [search, begun, *settings.get("callbacks", [])]
    silent: Any = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(**settings, **silent, default_root_dir=root)
    L.seed_everything(1, verbose=False)
    module, data = case.model(), case.data()
    of_module: Any = {"datamodule": data} if isinstance(data, L.LightningDataModule) else {}
    loaders: list[Any] = [] if of_module or data is None else list(data[:2])
    trainer.fit(module, *loaders, **of_module)
    assert case.monitor in trainer.callback_metrics
    assert "configure_optimizers" not in vars(module)
    assert sorted(search.assignment) == sorted(case.layers + case.idle), search.assignment
    moved = [not torch.equal(layer.logits, begun.logits[path]) for path, layer in begun.layers.items()]
    assert any(moved)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulChoiceWarning)  # after three steps there is room for doubt
        finalize(module)
    assert not auto_layers(module)
    validated = trainer.validate(module, loaders[1] if loaders else None, verbose=False, **of_module)
    assert all(math.isfinite(value) for each in validated for value in each.values())
    return Outcome(len(search.assignment) - len(case.idle), WORKS)


def in_search(case: Case, root: Path) -> Outcome:
    """Search with a budget of 2, and make a model of what is recommended."""
    settings = {**SMALLEST, "trainer": length(case), "monitor": case.monitor, "space": list(case.space)}
    found = run_search(case.model, case.data(), out=root / "run", **settings)
    assert sorted(found.assignment) == sorted(case.layers), found.assignment
    assert found.verdict in VERDICTS
    check_trainings(found)
    if case.late:
        with pytest.raises(ConversionError, match=r"call autoact.apply\(self, ...\) at the end of"):
            found.model()
    else:
        finalize(found.model())
        finalize(apply(case.model(), found.assignment))
    assert found.plan is not None
    reason = found.plan.no_mixture
    phases = {training.phase for training in found.trainings}
    assert ("one-shot" in phases) is not bool(reason)
    told = case.no_mixture if case.no_mixture and case.no_mixture in reason else reason
    return Outcome(len(found.assignment), without(told) if told else WORKS)


def without(reason: str) -> str:
    """Return how a search ends that trains no mixture."""
    return f"{WORKS} without a mixture: {reason}"


def check_trainings(found: SearchResult) -> None:
    """All trainings ended, with a number."""
    errors = [(training.phase, training.error) for training in found.trainings if training.error]
    assert errors == []
    assert {training.state for training in found.trainings} == {"finished"}
    assert all(math.isfinite(training.selection or 0) for training in found.trainings)


def length(case: Case) -> dict[str, Any]:
    """Return the arguments of a Trainer; its callbacks keep nothing of what they saw before."""
    return {"max_epochs": 1, "accelerator": "cpu", **copy.deepcopy(dict(case.trainer))}


class Beginning(L.Callback):
    """Searched layers and their logits before the first step."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.layers = auto_layers(pl_module)
        self.logits = {path: layer.logits.detach().clone() for path, layer in self.layers.items()}
