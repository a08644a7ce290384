"""Trainings of many networks as one batched model: their beginning, and their measurements."""

import gc
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import nn

from autoact.nn import module_for
from autoact.spaces import Assignment
from autoact.training._compat import plain_interrupt, restored_randomness, silence
from autoact.training._compat_batches import whole_batches
from autoact.training.data import DataParts
from autoact.training.fit import ApplyAssignment, Measurement, reseed, second_seed, trainer_arguments
from autoact.training.stack._logged_values import of_member
from autoact.training.stack._member import Member, NotStackable, unstackable
from autoact.training.stack._stackable import check_module, check_saving, check_settings
from autoact.training.stack._stacked_training import StackedTraining
from autoact.training.stack._validations import Validations


def train_stack(
    make_module: Callable[[], LightningModule],
    data: DataParts,
    members: Sequence[Member],
    *,
    monitor: str,
    trainer: Mapping[str, Any],
    checkpoint: Path | None = None,
) -> list[Measurement]:
    """Train many fresh models as a single batched one; each ends as `train` would end it, but for rounding.

    Members of one seed share their batches. One that diverges leaves the others alone.

    Args:
        make_module: Makes the model, always from scratch.
        data: Parts from `split`.
        members: The trainings.
        monitor: Name of a logged value, read at the end of the training.
        trainer: Arguments of `lightning.Trainer`.
        checkpoint: Where to save the trained model of a stack of one, as `train` does.

    Returns:
        The measurements, in the order of the members; `seconds` is the share of one.

    Raises:
        NotStackable: Says why they have to be trained one by one.
        torch.OutOfMemoryError: There are too many.

    Example:
        >>> from autoact.training import split
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> tried = [None, Assignment({"net.1": "elu"})]
        >>> members = [Member(assignment=each, seed=1) for each in tried]
        >>> length = {"max_steps": 4, "accelerator": "cpu"}
        >>> found = train_stack(DigitsModel, split(DigitsData), members, monitor="val_loss", trainer=length)
        >>> [each.steps for each in found]
        [4, 4]
    """
    if not members:
        return []
    start = time.perf_counter()
    order = sorted(range(len(members)), key=lambda place: _key(members[place]))
    arranged = [members[place] for place in order]
    stack = trained(make_module, data, arranged, monitor=monitor, trainer=trainer, checkpoint=checkpoint)
    seconds = (time.perf_counter() - start) / len(members)
    measured = [_measurement(stack, place, seconds) for place in range(len(members))]
    del stack
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
    return [measured[order.index(place)] for place in range(len(members))]


def trained(
    make_module: Callable[[], LightningModule],
    data: DataParts,
    members: Sequence[Member],
    *,
    monitor: str,
    trainer: Mapping[str, Any],
    checkpoint: Path | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> StackedTraining:
    """Return the training of a stack, done.

    Args:
        make_module: Makes the model.
        data: Parts of the data.
        members: The trainings; those of equal activations side by side cost least.
        monitor: Name of a logged value.
        trainer: Arguments of `lightning.Trainer`.
        checkpoint: As for `train_stack`.
        clock: By which its steps and validations are timed.

    Raises:
        NotStackable: Says why there is none.
    """
    check_settings(trainer)
    if checkpoint is not None and trainer.get("max_steps", -1) != -1:
        raise NotStackable("what ends within an epoch is saved by Lightning")
    with ExitStack() as around:
        around.enter_context(restored_randomness())
        around.enter_context(silence())
        around.enter_context(whole_batches())
        root = around.enter_context(tempfile.TemporaryDirectory(prefix="autoact-"))
        around.enter_context(plain_interrupt())
        validations = Validations(trainer, root, monitor)
        stack = StackedTraining(make_module, data, members, validations, clock)
        with unstackable():
            _fit(stack, trainer, root, saved=checkpoint is not None)
        if checkpoint is not None:
            stack.save(checkpoint)
    return stack


def _key(member: Member) -> list[str]:
    """Sort members of equal activations, of the first layers above all, side by side."""
    return [f"{path}={choice}" for path, choice in (member.assignment or {}).items()]


def _fit(stack: StackedTraining, trainer: Mapping[str, Any], root: str, *, saved: bool) -> None:
    """Let a Trainer prepare an ordinary module, its optimizer and schedules, and the stack train there."""
    seed = stack.members[0].seed
    seed_everything(seed, workers=True, verbose=False)
    opened = stack.data.open()
    module = stack.make_module()
    check_module(module)
    seed_everything(second_seed(seed), workers=True, verbose=False)
    first = [ApplyAssignment(_with_slopes(module, stack.members))]
    settings = trainer_arguments(trainer, first=first, callbacks=[stack], root=root)
    with opened.given("training", module) as arguments:
        if saved:
            check_saving(module, arguments.get("datamodule"))
        reseed(arguments.values(), seed)
        Trainer(**settings).fit(module, **arguments)


def _with_slopes(module: nn.Module, members: Sequence[Member]) -> Assignment:
    """Return an assignment that learns a slope wherever a member does, as its optimizer should see it."""
    found: dict[str, Any] = {}
    for member in members:
        for path, choice in (member.assignment or {}).items():
            if path not in found or _learns(module_for(choice)):
                found[path] = choice
    return Assignment({path: choice for path, choice in found.items() if not _keeps(module, path, members)})


def _learns(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


def _keeps(module: nn.Module, path: str, members: Sequence[Member]) -> bool:
    """Tell whether a member keeps an activation that learns a slope."""
    try:
        present = module.get_submodule(path)
    except AttributeError:
        return False
    return _learns(present) and any(path not in (member.assignment or {}) for member in members)


def _measurement(stack: StackedTraining, place: int, seconds: float) -> Measurement:
    count, metrics = stack.ended.get(place, (len(stack.steps), of_member(stack.metrics, place)))
    curve = [float(values[place]) for values in stack.curve[:count]]
    steps = stack.steps[:count]
    if place not in stack.ended and stack.finals is not None:
        final = of_member(stack.finals, place)
        metrics |= final
        curve.append(final[stack.validations.monitor])
        steps.append(stack.step)
    compared, rows = stack.compared[place] or (None, None)
    return Measurement(
        selection=curve[-1],
        comparison=compared,
        steps=steps[-1],
        planned_steps=stack.planned,
        seconds=seconds,
        curve=curve,
        steps_at=steps,
        rows=rows,
        unsaved=stack.unsaved,
        metrics={**metrics, stack.validations.monitor: curve[-1]},
    )
