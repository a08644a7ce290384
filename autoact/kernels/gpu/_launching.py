"""Launching of generated kernels: from source text to a call on the device of a tensor."""

from __future__ import annotations

import linecache
import logging
from functools import lru_cache
from itertools import count
from typing import Any

import torch

from autoact.kernels.gpu import _functions, _scalar_functions

log = logging.getLogger(__name__)
_serial = count()
_MOST = 4096  # calls remembered: a shape has two for each dtype


def launch(kernel: Any, programs: int, operands: tuple[Any, ...], arguments: dict[str, Any]) -> None:
    """Run as many programs of a kernel, on the device of the first operand.

    Args:
        kernel: From `kernel`.
        programs: Size of the grid.
        operands: Tensors that the kernel reads and writes, then numbers.
        arguments: All else by name; one dict for all calls that are alike.
    """
    device = operands[0].device
    if device.type == "cuda" and device.index != torch.cuda.current_device():
        with torch.cuda.device(device):
            _run(kernel, programs, operands, arguments, device.index)
    else:
        _run(kernel, programs, operands, arguments, device.index)


# compiled kernel, values of its arguments, and whose they are
_ready: dict[tuple[Any, ...], tuple[Any, ...]] = {}


def _run(
    kernel: Any, programs: int, operands: tuple[Any, ...], arguments: dict[str, Any], device: Any
) -> None:
    """Launch by what Triton compiled for the same call before: finding it again takes Triton 7 us.

    Triton compiles anew for another dtype, for memory that does not begin at a multiple of 16 bytes, and for
    some numbers.
    """
    kinds = ((t.dtype, t.data_ptr() % 16) if isinstance(t, torch.Tensor) else t for t in operands)
    key = (id(kernel), id(arguments), device, *kinds)
    found = _ready.get(key)
    if found is not None:
        compiled, values, *_ = found
        compiled[programs, 1, 1](*operands, *values)
        return
    compiled = kernel[(programs,)](*operands, **arguments)
    if compiled is not None:  # the interpreter compiles nothing
        if len(_ready) >= _MOST:
            _ready.clear()
        values = [arguments[name] for name in kernel.arg_names[len(operands) :]]
        _ready[key] = compiled, values, kernel, arguments  # while these live, no others have their ids


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
