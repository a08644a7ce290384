"""Time a mixture of activations against what it replaces, in turns; the best of three processes counts.

    python3 scripts/benchmarks/mixture.py [--device cpu|cuda] [--step | --bars] [--json FILE]

Contestants are measured in turns, so that whatever else the machine does meets all of them; a ratio is the
median of the ratios round by round. Of three processes the best ratio counts. On a CPU the time is that of
the process and its one thread, without what other programs take. `--step` times whole training steps,
`--bars` only the cases that the project has set itself limits for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact.activations import compile_source, torch_source
from autoact.kernels import plan_for
from autoact.kernels.cpu import _c_kernels as compiled
from autoact.kernels.plan import Program, backward_program, forward_program
from scripts import terminal
from scripts.benchmarks.contest import (
    LIST,
    Arena,
    Row,
    Run,
    best,
    candidate_sets,
    in_turns,
    models,
    ratio,
    row,
    shown,
    training_step,
)

SIZES = {"cpu": (13, 18, 22), "cuda": (13, 22, 28)}
COMPILED = ("list 8", "random 8")  # compared with compiled formulas too: each costs 6 s of compilation
ROUNDS = 15  # of turns


def elementwise(device: str, short: bool, bars: bool) -> list[Row]:
    """Return one row per dtype, size, candidate set and direction."""
    rows = [same_formula(exponent) for exponent in (13, 22)] if device == "cpu" and bars else []
    dtypes = [torch.float32] + ([torch.bfloat16] if device == "cuda" else [])
    for dtype in dtypes:
        for exponent in SIZES[device][:: len(SIZES[device]) - 1] if short or bars else SIZES[device]:
            arenas = {}
            for label, names in candidate_sets(short, bars).items():
                if label not in ("list 8", "first 32") and exponent not in (13, 22):
                    continue
                compile = label in COMPILED and exponent > 13
                arena = arenas[label] = Arena(1 << exponent, device, dtype, names, compile)
                if label == "first 32" and bars:
                    continue  # is compared with the list below
                if exponent > 22 and len(names) > 8:
                    del arena.forward["naive"]  # would keep more than 60 times x
                what = {
                    "dtype": str(dtype)[6:],
                    "elements": f"2^{exponent}",
                    "candidates": label,
                    "names": names,
                }
                kept = {name: arena.kept(name) for name in ("naive", "GELU", "mixture") if exponent <= 22}
                times = in_turns(arena.runs(), device, ROUNDS)
                peak = {name: arena.peak(name) for name in ("GELU", "mixture")}
                rows.append(row(times, **what, direction="forward+backward", kept=kept, peak=peak))
                if label == "list 8":
                    rows.append(
                        row(in_turns(arena.forward_runs(), device, ROUNDS), **what, direction="forward")
                    )
                torch._dynamo.reset()
            if "first 32" in arenas:
                pair = {"K=32": arenas["first 32"], "K=8": arenas["list 8"]}
                pair |= {"random 8": arenas["random 8"]} if "random 8" in arenas else {}
                times = in_turns(
                    {name: a._both(a.forward["mixture"]) for name, a in pair.items()}, device, ROUNDS
                )
                what = {"dtype": str(dtype)[6:], "elements": f"2^{exponent}", "candidates": "32 beside 8"}
                ratios = {f"K=32 / {b}": ratio(times, "K=32", b) for b in pair if b != "K=32"}
                micro = {name: 1e6 * statistics.median(t) for name, t in times.items()}
                rows.append(
                    {**what, "direction": "forward+backward", "microseconds": micro, "ratios": ratios}
                )
    return rows


def printed(program: Program) -> Callable[..., tuple[torch.Tensor, ...]]:
    """Return the torch function of a lowered program, for Inductor to compile: the C kernels' own formula."""
    lines = [f"def run({', '.join(s.name for s in program.arguments)}):"]
    lines += [f"    {name.name} = {torch_source(value)}" for name, value in program.steps]
    lines.append(f"    return ({', '.join(torch_source(e) for e in program.outputs)},)")
    return compile_source("run", "\n".join(lines) + "\n")


def same_formula(exponent: int) -> Row:
    """Return a row: the C kernels beside torch.compile of the formula that they are printed from."""
    plan = plan_for(LIST)
    value, partials = printed(forward_program(plan)), printed(backward_program(plan))
    x, grad = torch.randn(2, 1 << exponent)
    w, theta = torch.full((8,), 0.125), torch.tensor([p.default for _, p in plan.slots])
    c = plan.coefficients(w, theta)
    kernels = compiled.kernels_for(plan, x.dtype)
    assert not isinstance(kernels, str)

    @torch.compile
    def inductor(x: torch.Tensor, c: torch.Tensor, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        slope, *others = partials(x, *c.unbind())
        return grad * slope, torch.stack([(grad * o).sum() for o in others])

    first = torch.compile(lambda x, c: value(x, *c.unbind())[0])
    runs: dict[str, Run] = {
        "Inductor": lambda: (first(x, c), inductor(x, c, grad)),
        "mixture": lambda: (
            compiled.forward(kernels, x, w, theta, 0),
            compiled.backward(kernels, x, w, theta, grad, 0),
        ),
    }  # fmt: skip
    what = {
        "dtype": "float32",
        "elements": f"2^{exponent}",
        "candidates": "list 8",
        "direction": "same formula",
    }
    return row(in_turns(runs, "cpu", ROUNDS), **what)


def steps(device: str, short: bool) -> list[Row]:
    """Return one row per model: whole training steps with ReLU, GELU and a mixture of the default eight."""
    acts: dict[str, Callable[[], nn.Module]] = {
        "ReLU": nn.ReLU, "GELU": nn.GELU, "mixture": autoact.AutoActivation,
    }  # fmt: skip
    rows = []
    made = {name: models(act, device == "cuda") for name, act in acts.items()}
    for model in ["MLP"] if short else list(made["ReLU"]):
        runs: dict[str, Run] = {}
        peaks = {}
        for name in acts:
            net, x = made[name][model]
            runs[name] = training_step(net.to(device), x.to(device))
            if device == "cuda":
                runs[name]()
                torch.cuda.reset_peak_memory_stats()
                runs[name]()
                peaks[name] = torch.cuda.max_memory_allocated() / 2**20
        times = in_turns(runs, device, 5 if short else 25)
        ratios = {f"mixture / {other}": ratio(times, "mixture", other) for other in ("GELU", "ReLU")}
        micro = {name: 1e6 * statistics.median(t) for name, t in times.items()}
        rows.append({"model": model, "microseconds": micro, "ratios": ratios, "peak MiB": peaks})
    return rows


def measured(arguments: argparse.Namespace) -> list[Row]:
    """Return the rows that the options ask for, measured in this process."""
    torch.manual_seed(0)
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    torch._dynamo.config.recompile_limit = 64
    if arguments.step:
        return steps(arguments.device, arguments.short)
    return elementwise(arguments.device, arguments.short, arguments.bars)


def machine(device: str) -> dict[str, Any]:
    """Return what the numbers depend on."""
    return {
        **terminal.machine(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU, 1 thread",
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Measure in as many processes as asked for, and print the best ratios."""
    parser = terminal.parser(__doc__, short="one process, few cases: a check that it runs")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--step", action="store_true", help="whole training steps")
    parser.add_argument("--bars", action="store_true", help="only what the project has limits for")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.exit(2, "No CUDA device is available; --device cpu measures this machine.\n")
    if arguments.child:
        arguments.child.write_text(json.dumps(measured(arguments)), encoding="utf-8")
        return
    processes = [measured(arguments)] if arguments.short else children(arguments)
    rows = best(processes)
    print(json.dumps(machine(arguments.device)), shown(rows), sep="\n")
    if arguments.json:
        found = {"machine": machine(arguments.device), "processes": len(processes), "rows": rows}
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def children(arguments: argparse.Namespace) -> list[list[Row]]:
    """Return the rows of processes that measure one after the other."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.processes):
            file = Path(folder, f"{number}.json")
            command = [sys.executable, __file__, "--device", arguments.device, "--child", str(file)]
            modes = [flag for flag in ("step", "bars") if getattr(arguments, flag)]
            subprocess.run([*command, *(f"--{flag}" for flag in modes)], check=True)
            found.append(json.loads(file.read_text(encoding="utf-8")))
    return found


if __name__ == "__main__":
    main()
