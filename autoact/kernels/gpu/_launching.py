"""Launching of generated kernels: from source text to a call on the device of a tensor."""

from __future__ import annotations

import linecache
import logging
from contextlib import nullcontext
from functools import lru_cache
from itertools import count
from typing import Any

import torch

from autoact.kernels.gpu import _functions, _scalar_functions

log = logging.getLogger(__name__)
_serial = count()


def launch(kernel: Any, programs: int, tensors: tuple[Any, ...], arguments: dict[str, Any]) -> None:
    """Run as many programs of a kernel, on the device of the first tensor.

    Args:
        kernel: From `kernel`.
        programs: Size of the grid.
        tensors: What the kernel reads and writes, and numbers.
        arguments: Other arguments and options, by name.
    """
    with _current(tensors[0].device):
        kernel[(programs,)](*tensors, **arguments)


def _current(device: torch.device) -> Any:
    """Make a device the current one, unless it is: that takes longer than a launch."""
    other = device.type == "cuda" and device.index != torch.cuda.current_device()
    return torch.cuda.device(device) if other else nullcontext()


@lru_cache(maxsize=1024)
def kernel(name: str, source: str) -> Any:
    """Turn generated source into a kernel whose lines Triton and tracebacks can read.

    Mixtures of one set of basis functions have one source, whatever their members are called.
    """
    filename = f"<autoact triton {name} {next(_serial)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    log.debug("%s\n%s", filename, source)
    namespace: dict[str, Any] = {**vars(_functions), **vars(_scalar_functions), "__name__": __name__}
    exec(compile(source, filename, "exec"), namespace)
    return namespace[name]
