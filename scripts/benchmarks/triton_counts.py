"""Kernels compiled ahead of time, without a GPU, and what their machine code costs per element.

Run `PYTHONPATH=. python scripts/benchmarks/triton_counts.py` for the table of docs/gpu.md.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from autoact.kernels.gpu import _functions
from autoact.kernels.gpu._tiling import WARPS, per_thread
from autoact.kernels.gpu._triton_kernels import kernels
from autoact.kernels.plan import Plan, plan_for

FREE = ("rational", "linear_spline", "cubic_spline")
EIGHT = ("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh")
_TYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
_LABEL = re.compile(r"(\.L_x_\d+):")
_INSTRUCTION = re.compile(r"\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+ )?([A-Z0-9_]+)(.*)")


@dataclass(frozen=True, slots=True)
class Count:
    """Machine code of the loop over tiles where no coefficient is 0.

    Args:
        instructions: Per element, loads, stores and the loop itself included; of a function's slow path
            (sin beyond 10^5) too, though it is hardly ever taken.
        special: Per element, of the special-function unit: exp2, reciprocal, square root.
        registers: Per thread.
        spilled: Instructions of the whole kernel that move registers to memory or back.
        atomics: Of the whole kernel.
        bytes_per_access: Of the widest load.
    """

    instructions: float
    special: float
    registers: int
    spilled: int
    atomics: int
    bytes_per_access: int


def compiled(
    plan: Plan,
    name: str,
    dtype: str = "float32",
    capability: int = 90,
    *,
    per_column: bool = False,
    even: bool = True,
    big: bool = False,
) -> Any:
    """Return a compiled kernel.

    Args:
        plan: Of the mixture.
        name: "forward" or "backward".
        dtype: "float32", "bfloat16" or "float16".
        capability: Of the GPU: 80 for the A100, 90 for the H100 and H200.
        per_column: Whether columns are channels.
        even: Whether tiles cover the tensor exactly.
        big: Whether offsets have 64 bits.

    Raises:
        RuntimeError: Triton is not installed.
    """
    if not _functions.INSTALLED:
        raise RuntimeError("Triton is not installed; install it with: pip install triton")
    triton = import_module("triton")
    compiler = import_module("triton.compiler")
    target = import_module("triton.backends.compiler").GPUTarget("cuda", capability, 32)

    function = kernels(plan)[name == "backward"]
    block = 32 * WARPS * per_thread(len(plan.coefficient_symbols))
    constants = {
        "ROWS": block // 64 if per_column else 1,
        "COLUMNS": 64 if per_column else block,
        "PER_COLUMN": per_column,
        "EVEN": even,
        "BIG": big,
        "HALF": dtype != "float32",
    }
    wide = {"row_stride", "group_stride", "total"}
    signature, attributes = {}, {}
    for i, argument in enumerate(function.arg_names):
        signature[argument] = "i64" if big and argument in wide else "i32"
        if argument in constants:
            signature[argument] = "constexpr"
        elif argument.endswith("_ptr"):
            signature[argument] = "*fp32" if argument in ("c_ptr", "sum_ptr") else f"*{_TYPES[dtype]}"
        if argument.endswith("_ptr") or argument in {*wide, "columns"}:
            attributes[(i,)] = [["tt.divisibility", 16]]
    source = compiler.ASTSource(fn=function, signature=signature, constexprs=constants, attrs=attributes)
    options = {"num_warps": WARPS, "enable_fp_fusion": True}
    return triton.compile(source, target=target, options=options)


def count(plan: Plan, name: str, dtype: str = "float32", capability: int = 90) -> Count:
    """Return the count of a kernel, read from its machine code.

    Raises:
        RuntimeError: Triton is not installed.
    """
    binary = compiled(plan, name, dtype, capability).asm["cubin"]
    lines = _disassembled(binary, "nvdisasm", "-c")
    code = [line for line in map(_INSTRUCTION.match, lines) if line]
    names = [line.group(1) for line in code]
    # the other loop tests coefficients for 0, which is more work, or none at all if there is only one
    pick = min if len(plan.coefficient_symbols) > 1 else max
    loop = pick((loop for loop in _loops(lines) if "LDG" in loop), key=len)
    each = per_thread(len(plan.coefficient_symbols))
    usage = re.search(r"REG:(\d+)", "".join(_disassembled(binary, "cuobjdump", "-res-usage")))
    widths = [int(w) // 8 for line in lines for w in re.findall(r"\bLDG\.E\.(64|128)\b", line)]
    return Count(
        len(loop) / each,
        loop.count("MUFU") / each,
        int(usage.group(1)) if usage else 0,
        sum(names.count(n) for n in ("STL", "LDL")),
        sum(n.startswith(("ATOM", "RED")) and n != "REDUX" for n in names),
        max(widths, default=4),
    )


def _disassembled(binary: bytes, tool: str, option: str) -> list[str]:
    """Run one of the CUDA tools that Triton brings along."""
    tools = Path(str(import_module("triton").__file__)).parent / "backends" / "nvidia" / "bin"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(binary)
        done = subprocess.run([tools / tool, option, path], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _loops(lines: Sequence[str]) -> list[list[str]]:
    """Return the instructions of every outermost loop: what lies between a label and a jump back to it."""
    labels: dict[str, int] = {}
    names: list[str] = []
    spans: list[tuple[int, int]] = []
    for line in lines:
        if label := _LABEL.match(line.strip()):
            labels[label.group(1)] = len(names)
        elif instruction := _INSTRUCTION.match(line):
            names.append(instruction.group(1))
            target = re.search(r"\((\.L_x_\d+)\)", instruction.group(2))
            if instruction.group(1) == "BRA" and target and target.group(1) in labels:
                spans.append((labels[target.group(1)], len(names)))
    inner = {(a, b) for a, b in spans for c, d in spans if (c, d) != (a, b) and c <= a and b <= d}
    return [names[a:b] for a, b in spans if (a, b) not in inner and b - a > 2]


def main() -> None:
    """Print the counts of a few mixtures."""
    from autoact import list_activations

    first_32 = tuple(name for name in list_activations()[:32])
    print("| members | kernel | dtype | instructions | special | registers | spills |")
    print("|---|---|---|---|---|---|---|")
    free = ((name, (name,)) for name in FREE)
    for title, names in (("gelu", ("gelu",)), ("8", EIGHT), ("32", first_32), *free):
        for name in ("forward", "backward"):
            for dtype in ("float32", "bfloat16"):
                c = count(plan_for(names), name, dtype)
                cells = (
                    title,
                    name,
                    dtype,
                    f"{c.instructions:.1f}",
                    f"{c.special:g}",
                    c.registers,
                    c.spilled,
                )
                print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
