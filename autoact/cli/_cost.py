"""The command `autoact cost`: what each candidate costs on this device, and the latency of an assignment."""

import argparse
import copy
import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoact.errors import AutoActError, ConfigurationError

if TYPE_CHECKING:
    from autoact.spaces import Assignment

_FORMS = "a config.yaml, a run directory, a task, or module.Name of something that makes a model when called"
_SHAPE = "8x3x32x32 (float32) or 8x128:int64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model to measure, what it takes, and what was asked about it."""

    name: str
    model: Any
    batch: Any
    space: Any = "default"
    assignments: "Mapping[str, Assignment]" = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help=_FORMS)
    parser.add_argument("--space", metavar="NAME|FILE", help="search space (default: that of MODEL)")
    parser.add_argument(
        "--assignment", metavar="FILE", action="append", default=[], help="measure this too; may be repeated"
    )
    parser.add_argument(
        "--input", metavar="SHAPE", action="append", help=f"one per argument of forward: {_SHAPE}"
    )
    parser.add_argument("--device", metavar="NAME", default="cpu", help="cpu (default), cuda, mps, ...")
    parser.add_argument("--threads", metavar="N", type=int, help="CPU threads (default: torch's own choice)")
    parser.add_argument(
        "--seconds", metavar="N", type=float, default=10.0, help="to measure for (default: 10)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    for name in ("seconds", "threads"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ConfigurationError(f"--{name} {value:g} must be above 0.")
    with _threads(options.threads):
        return _measure(options)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Use a number of CPU threads for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _measure(options: argparse.Namespace) -> int:
    from autoact import latency

    subject = _on_device(_subject(options), options.device)
    space = options.space or subject.space
    costs = latency.activation_costs(subject.model, subject.batch, space, 0.7 * options.seconds)
    models = latency.model_latencies(subject.model, subject.batch, subject.assignments, 0.3 * options.seconds)
    if options.json:
        print(json.dumps(_plain(subject, options.device, costs, models), indent=2))
    else:
        _print(subject, options.device, costs, models)
    return 0


def _subject(options: argparse.Namespace) -> Subject:
    from autoact.spaces import Assignment

    given, path = options.model, Path(options.model)
    if path.is_dir():
        found = _of_run(path, options.input)
    elif path.suffix in (".yaml", ".yml"):
        found = _of_configuration(path, options.input)
    elif "." in given or ":" in given:
        found = _of_name(given, options.input)
    else:
        found = _of_task(given, options.input)
    own = {str(file): Assignment.load(file) for file in options.assignment}
    return dataclasses.replace(found, assignments={**found.assignments, **own})


def _of_run(path: Path, shapes: Sequence[str] | None) -> Subject:
    from autoact.cli._request import read_request
    from autoact.cli._search import search_parser
    from autoact.spaces import Assignment

    request = read_request(search_parser().parse_args(["--resume", str(path)]))
    chosen = path / "assignment.yaml"
    return Subject(
        name=request.name,
        **_made(request.model, request.data, shapes),
        space=request.space,
        assignments={"chosen": Assignment.load(chosen)} if chosen.is_file() else {},
    )


def _of_configuration(path: Path, shapes: Sequence[str] | None) -> Subject:
    from autoact.training.configuration import load_configuration

    found = load_configuration(path)
    return Subject(name=str(path), **_made(found.model, found.data, shapes), space=found.space)


def _of_task(name: str, shapes: Sequence[str] | None) -> Subject:
    from autoact.training.tasks import TASKS, get_task

    if name not in TASKS:
        raise ConfigurationError(f"MODEL is {name!r}, but no such task exists; give {_FORMS}.")
    task = get_task(name)
    return Subject(name=name, **_made(task.model, task.data, shapes))


def _of_name(name: str, shapes: Sequence[str] | None) -> Subject:
    module, _, attribute = name.replace(":", ".").rpartition(".")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        maker = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"MODEL is {name!r}, which cannot be imported: {error}") from error
    return Subject(name=name, **_made(maker, None, shapes))


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
            f"MODEL makes a {type(model).__name__}, not a torch.nn.Module; give {_FORMS}."
        )
    if not _has_forward(model):
        return {"model": model, "batch": _batch_of_step(model, data, shapes)}
    example = getattr(model, "example_input_array", None)
    if shapes:
        batch: Any = tuple(map(_tensor, shapes))
    elif example is not None:
        batch = example
    elif data is not None:
        batch = _first_batch(data)
    else:
        raise ConfigurationError(f"What the model takes is not known: give --input SHAPE, such as {_SHAPE}.")
    return {"model": model, "batch": batch}


def _has_forward(model: Any) -> bool:
    """Tell whether a user's class, or a module of torch, says what a forward pass is."""
    home = str(getattr(type(model).forward, "__module__", ""))
    return home != "torch.nn.modules.module" and not home.startswith(("lightning.", "pytorch_lightning."))


def _batch_of_step(model: Any, data: Any, shapes: Sequence[str] | None) -> Any:
    """Let the training step stand in for a forward that a model lacks; return what it takes."""
    kind = type(model).__name__
    if shapes or data is None or not hasattr(model, "training_step"):
        raise ConfigurationError(
            f"MODEL is a {kind}, which has no forward, so --input cannot tell what it takes. Give a "
            "config.yaml, a run directory or a task, whose data its training_step takes; or write a forward."
        )
    model.forward = partial(model.training_step, batch_idx=0)
    model.log = model.log_dict = _unlogged
    return (_batch(data),)


def _unlogged(*args: Any, **named: Any) -> None:
    """Log nothing: there is no Trainer."""


def _tensor(shape: str) -> Any:
    """Return random numbers of a shape as on the command line; zeros for whole numbers."""
    import torch

    sizes, _, kind = shape.partition(":")
    dtype = getattr(torch, kind or "float32", None)
    if not isinstance(dtype, torch.dtype) or not all(part.isdecimal() for part in sizes.split("x")):
        raise ConfigurationError(f"--input {shape!r} is no shape; write {_SHAPE}.")
    like = torch.zeros([int(part) for part in sizes.split("x")], dtype=dtype)
    return torch.randn_like(like) if dtype.is_floating_point else like


def _first_batch(data: Any) -> Any:
    """Return what a model takes of a first validation batch."""
    batch = _batch(data)
    return batch[0] if isinstance(batch, list | tuple) else batch


def _batch(data: Any) -> Any:
    from autoact.training import silence, split

    with silence():
        return next(iter(split(data, seed=0).selection()))


def _on_device(subject: Subject, device: str) -> Subject:
    import torch

    try:
        model = copy.deepcopy(subject.model).to(device)
        return dataclasses.replace(subject, model=model, batch=_moved(subject.batch, device))
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch built without CUDA
        found = f"{torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "no CUDA device"
        raise ConfigurationError(f"--device {device} cannot be used ({found} here): {error}") from error


def _moved(batch: Any, device: str) -> Any:
    import torch

    if isinstance(batch, Mapping):
        return {name: _moved(value, device) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        return tuple(_moved(value, device) for value in batch)
    return batch.to(device) if isinstance(batch, torch.Tensor) else batch


def _where(device: str) -> str:
    import torch

    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}"
    return f"{device}, {torch.get_num_threads()} threads" if device == "cpu" else device


def _plain(subject: Subject, device: str, costs: Any, models: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "model": subject.name,
        "device": _where(device),
        "activations": [dataclasses.asdict(cost) for cost in costs],
        "models": [dataclasses.asdict(model) for model in models],
    }


def _print(subject: Subject, device: str, costs: Any, models: Any) -> None:
    from autoact.latency import activation_table, model_table

    print(f"{subject.name} on {_where(device)}\n")
    print(activation_table(costs))
    print(f"\n{model_table(models)}")
