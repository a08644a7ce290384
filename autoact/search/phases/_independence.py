"""Independence of trainings: none goes on with a network, random numbers or a best value of another."""

import math
import warnings
from dataclasses import replace
from typing import Any

import torch

from autoact.errors import OF_USERS, ConfigurationError
from autoact.search.trainings import Copied, ModelTask
from autoact.training import restored_randomness, train
from autoact.training.fit import Beginnings, ShortValidations, Snapshot, shared_objects

_FEW, _MOST = 1e-9, 20.0  # of a full training (one step), and steps
_EXACT, _ON_ACCELERATORS = 1e-6, 5e-2  # what two trainings with one seed may differ by, relative


def with_own_network(task: ModelTask, name: str, layers: Any, *, check: bool) -> ModelTask:
    """Return a task no training of which finds the activations of another in a network that they share.

    What is shared may be trained by none. Where activations are searched in it, every training gets a copy.

    Args:
        task: The model and its data.
        name: What the model is called.
        layers: Paths of the searched layers.
        check: Whether to train for a few steps to see what changes; a run that is resumed has done so.

    Raises:
        ConfigurationError: A training changes what the models share.
    """
    with restored_randomness():
        shared = shared_objects(task.build(), task.build())
    if not shared:
        return task
    if check:
        _require_unchanged(task, name, Snapshot(shared), shared)
    inside = any(
        not path or layer == path or layer.startswith(f"{path}.") for layer in layers for path in shared
    )
    return replace(task, make_module=Copied(task.make_module)) if inside else task


def _require_unchanged(task: ModelTask, name: str, before: Snapshot, shared: Any) -> None:
    try:
        planned = _train(task, _FEW).planned_steps
        _train(task, min(_MOST, max(2.0, 0.02 * planned)) / planned)
    except OF_USERS:  # the probe says better than this what does not train
        return
    finally:
        changed = before.changed()
        before.restore()
    if changed is None:
        return
    owner = max(
        (path for path in shared if changed == path or changed.startswith(f"{path}.") or not path), key=len
    )
    what = owner or f"the {name} itself"
    raise ConfigurationError(
        f"{what} is one object in every model that your callable makes, and a training changes it "
        f"({changed or what}): each training would go on where another has ended. Make it inside: in "
        f"{name}.__init__ or in the callable, such as `lambda: {name}(make_backbone())`. A frozen one may be "
        "shared."
    )


def _train(task: ModelTask, fraction: float) -> Any:
    return train(
        task.make_module,
        task.parts,
        seed=0,
        monitor=task.monitor,
        trainer=task.trainer,
        limit_fraction=min(fraction, 1.0),
    )


def require_seeded(name: str, found: Beginnings) -> None:
    """Refuse a model that seeds itself, so that its trainings differ in nothing that a seed decides.

    Args:
        name: What the model is called.
        found: How two trainings with different seeds began.

    Raises:
        ConfigurationError: Says where it does.
    """
    remedy = (
        "Remove manual_seed and seed_everything from it: the search seeds every training; seed=... says how."
    )
    if found.weights_alike and found.made_alike:
        raise ConfigurationError(
            f"{name} seeds itself when it is made: with two different seeds it has the same initial weights, "
            f"so that seeds would show no spread and the verdict would rest on one. {remedy}"
        )
    if found.draws_alike:
        raise ConfigurationError(
            f"{name} seeds itself in a hook before its training: with two different seeds the order of the "
            f"data and dropout are the same, so that seeds would not be independent. {remedy}"
        )
    if found.weights_alike:
        warnings.warn(
            f"{name} has the same initial weights with every seed, as of a pretrained model: seeds differ in "
            "the order of the data and in dropout only, and the verdict holds for these weights.",
            UserWarning,
            stacklevel=2,
        )


def require_no_history(name: str, monitor: str, validations: ShortValidations) -> None:
    """Refuse a value that carries earlier validations, because it takes selection data into the comparison.

    Args:
        name: What the model is called.
        monitor: Name of the value.
        validations: Of a model that was trained for a few steps.

    Raises:
        ConfigurationError: It does.
    """
    if validations.carried():
        raise ConfigurationError(
            f"The value that {name} logs as {monitor!r} depends on validations before it, as a best-so-far "
            "or a running mean does: what was seen on the selection data would count in the comparison. Log "
            "and monitor the value of one validation, or reset the metric in on_validation_epoch_start."
        )


def tell_of_memory(name: str, monitor: str, first: float, again: float) -> None:
    """Warn where a training is not decided by its seed, because something outlives the one before.

    Args:
        name: What the model is called.
        monitor: Name of the value.
        first: The value after a short training.
        again: The same after another with the same seed.
    """
    allowed = _ON_ACCELERATORS if torch.accelerator.is_available() else _EXACT
    if math.isclose(first, again, rel_tol=allowed) or not (math.isfinite(first) and math.isfinite(again)):
        return
    warnings.warn(
        f"Two short trainings of {name} with the same seed ended with {monitor} {first:.6g} and {again:.6g}: "
        "something beside the seed decides. Either it outlives a training (a counter or list in a class, a "
        "module or a closure, a data set or sampler with a generator or a count of its own), and later "
        "trainings may be better or worse for it, or it is unseeded. Trainings with one seed are then not "
        "paired, and the verdict can be wrong. Keep such state in the LightningModule, and draw from the "
        "global generators of torch, NumPy or random, which are seeded for each training.",
        UserWarning,
        stacklevel=2,
    )


def tell_of_no_optimizer(name: str) -> None:
    """Warn where no step of a training changes the model.

    Args:
        name: What it is called.
    """
    warnings.warn(
        f"{name} has no optimizer: its configure_optimizers returns none of its parameters, and no step "
        "changes them. Unless its own hooks train it, activations are compared on untrained weights. Return "
        "an optimizer.",
        UserWarning,
        stacklevel=2,
    )
