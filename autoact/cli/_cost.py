"""The command `autoact cost`: what each candidate costs on this device, and the latency of an assignment."""

import argparse
import copy
import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from autoact.cli._named_model import FORMS, SHAPE, Subject, subject_of
from autoact.cli._parser import print_json
from autoact.errors import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help=FORMS)
    parser.add_argument("--space", metavar="NAME|FILE", help="search space (default: that of MODEL)")
    parser.add_argument(
        "--assignment", metavar="FILE", action="append", default=[], help="measure this too; may be repeated"
    )
    parser.add_argument(
        "--input", metavar="SHAPE", action="append", help=f"one per argument of forward: {SHAPE}"
    )
    parser.add_argument("--device", metavar="NAME", default="cpu", help="cpu (default), cuda, mps, ...")
    parser.add_argument("--threads", metavar="N", type=int, help="CPU threads (default: torch's own choice)")
    parser.add_argument(
        "--seconds", metavar="N", type=float, default=10.0, help="to measure for (default: 10)"
    )
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

    subject = _on_device(subject_of(options, _by_name), options.device)
    space = options.space or subject.space
    costs = latency.activation_costs(subject.model, subject.batch, space, 0.7 * options.seconds)
    models = latency.model_latencies(subject.model, subject.batch, subject.assignments, 0.3 * options.seconds)
    if options.json:
        print_json(_plain(subject, options.device, costs, models))
    else:
        _print(subject, options.device, costs, models)
    return 0


def _by_name(run: Path) -> str:
    return f"autoact cost my_model:NET --input SHAPE --assignment {quote(str(run / 'assignment.yaml'))}"


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
    count = torch.get_num_threads()
    return f"{device}, {count} thread{'' if count == 1 else 's'}" if device == "cpu" else device


def _plain(subject: Subject, device: str, costs: Any, models: Any) -> dict[str, Any]:
    return {
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
