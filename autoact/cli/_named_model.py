"""Subject of a command: a model named on the command line, and what it takes."""

import argparse
import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoact.errors import AutoActError, ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from autoact.spaces import Assignment

FORMS = "a config.yaml, a run directory, a task, or module.Name of something that makes a model when called"
SHAPE = "8x3x32x32 (float32) or 8x128:int64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A fresh model, what it takes, the space of its run, and assignments that were named with it."""

    name: str
    model: Any
    batch: Any
    space: Any = "default"
    assignments: "Mapping[str, Assignment]" = field(default_factory=dict)


def subject_of(options: argparse.Namespace, again: Callable[[Path], str]) -> Subject:
    """Return the subject that the options `model`, `input` and `assignment` name.

    Args:
        options: Of the command line.
        again: Returns the command for a run whose model has to be named, which NET stands for.
    """
    from autoact.spaces import Assignment

    given, path = options.model, Path(options.model)
    if path.is_dir():
        found = _of_run(path, options.input, again(path))
    elif path.suffix in (".yaml", ".yml"):
        found = _of_configuration(path, options.input)
    elif "." in given or ":" in given:
        found = _of_name(given, options.input)
    else:
        found = _of_task(given, options.input)
    own = {str(file): Assignment.load(file) for file in options.assignment}
    return dataclasses.replace(found, assignments={**found.assignments, **own})


def _of_run(path: Path, shapes: Sequence[str] | None, again: str) -> Subject:
    from autoact.cli._request import read_request
    from autoact.cli._search import search_parser

    instead = f"Name what makes it, a class or function NET of my_model.py: {again}"
    request = read_request(search_parser().parse_args(["--resume", str(path)]), instead)
    return Subject(
        name=request.name,
        **_made(request.model, request.data, shapes),
        space=request.space,
        assignments=_kept(path),
    )


def _kept(run: Path) -> dict[str, "Assignment"]:
    """Return what a run has chosen, and the other models of its front."""
    from autoact.spaces import Assignment

    chosen = run / "assignment.yaml"
    found = {"chosen": Assignment.load(chosen)} if chosen.is_file() else {}
    for file in sorted((run / "front").glob("*.yaml")):
        member = Assignment.load(file)
        if member not in found.values():
            found[f"front {file.stem}"] = member
    return found


def _of_configuration(path: Path, shapes: Sequence[str] | None) -> Subject:
    from autoact.training.configuration import load_configuration

    found = load_configuration(path)
    return Subject(name=str(path), **_made(found.model, found.data, shapes), space=found.space)


def _of_task(name: str, shapes: Sequence[str] | None) -> Subject:
    from autoact.records import suggested_run
    from autoact.training.tasks import TASKS, get_task

    if name not in TASKS:
        hint = suggested_run(name) or did_you_mean(name, TASKS)
        raise ConfigurationError(f"MODEL is {name!r}, but no such task exists; give {FORMS}.{hint}")
    task = get_task(name)
    return Subject(name=name, **_made(task.model, task.data, shapes))


def _of_name(name: str, shapes: Sequence[str] | None) -> Subject:
    return Subject(name=name, **_made(imported(name, "MODEL"), None, shapes))


def imported(name: str, what: str) -> Any:
    """Return what a name such as my_model:Net stands for; the current folder is looked into, too.

    Args:
        name: Module and attribute.
        what: What was to be named, for messages.

    Raises:
        ConfigurationError: It cannot be imported.
    """
    module, _, attribute = name.replace(":", ".").rpartition(".")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{what} is {name!r}, which cannot be imported: {error}") from error


def _made(make: Callable[[], Any], data: Any, shapes: Sequence[str] | None) -> dict[str, Any]:
    """Return a fresh model and inputs for it: those asked for, else its example, else a validation batch."""
    from torch import nn

    try:
        model = make()
    except AutoActError:
        raise
    except Exception as error:  # whatever the user's function raises
        raise ConfigurationError(f"MODEL cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise ConfigurationError(
            f"MODEL makes a {type(model).__name__}, not a torch.nn.Module; give {FORMS}."
        )
    batches = partial(_batch, make, data) if data is not None or _has_loaders(model) else None
    if not _has_forward(model):
        return {"model": model, "batch": _batch_of_step(model, batches, shapes)}
    example = getattr(model, "example_input_array", None)
    if shapes:
        batch: Any = tuple(map(_tensor, shapes))
    elif example is not None:
        batch = example
    elif batches is not None:
        batch = _first_batch(model, batches())
    else:
        raise ConfigurationError(f"What the model takes is not known: give --input SHAPE, such as {SHAPE}.")
    return {"model": model, "batch": batch}


def _has_forward(model: Any) -> bool:
    """Tell whether a user's class, or a module of torch, says what a forward pass is."""
    home = str(getattr(type(model).forward, "__module__", ""))
    return home != "torch.nn.modules.module" and not home.startswith(("lightning.", "pytorch_lightning."))


def _has_loaders(model: Any) -> bool:
    """Tell whether a model loads its own data; Lightning is imported only for what has such methods."""
    if not hasattr(model, "val_dataloader"):
        return False
    from autoact.training.data import has_loader

    return has_loader(model, "train") and has_loader(model, "val")


def _batch_of_step(model: Any, batch: Callable[[], Any] | None, shapes: Sequence[str] | None) -> Any:
    """Let the training step stand in for a forward that a model lacks; return what it takes."""
    kind = type(model).__name__
    if shapes or batch is None or not hasattr(model, "training_step"):
        raise ConfigurationError(
            f"MODEL is a {kind}, which has no forward, so --input cannot tell what it takes. Give a "
            "config.yaml, a run directory or a task, whose data its training_step takes; or write a forward."
        )
    model.forward = partial(model.training_step, batch_idx=0)
    model.log = model.log_dict = _unlogged
    return (batch(),)


def _unlogged(*args: Any, **named: Any) -> None:
    """Log nothing: there is no Trainer."""


def _tensor(shape: str) -> Any:
    """Return random numbers of a shape as on the command line; zeros for whole numbers."""
    import torch

    sizes, _, kind = shape.partition(":")
    dtype = getattr(torch, kind or "float32", None)
    if not isinstance(dtype, torch.dtype) or not all(part.isdecimal() for part in sizes.split("x")):
        raise ConfigurationError(f"--input {shape!r} is no shape; write {SHAPE}.")
    like = torch.zeros([int(part) for part in sizes.split("x")], dtype=dtype)
    return torch.randn_like(like) if dtype.is_floating_point else like


def _first_batch(model: Any, batch: Any) -> Any:
    """Return what a model takes of a first validation batch: a mapping by name, or whole."""
    if isinstance(batch, Mapping):
        try:
            inspect.signature(model.forward).bind(**batch)
        except TypeError:
            return (batch,)
    return batch[0] if isinstance(batch, list | tuple) else batch


def _batch(make: Callable[[], Any], data: Any) -> Any:
    from autoact.training import silence, split

    with silence():
        return split(data, seed=0, model=make).example()
