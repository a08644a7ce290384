"""Time a mixture of activations against what it replaces, in turns; the best of three processes counts.

    PYTHONPATH=. python3 scripts/benchmark_mixture.py [--device cpu|cuda] [--step | --bars] [--json FILE]

Contestants are measured in turns, so that whatever else the machine does meets all of them; a ratio is the
median of the ratios round by round. Of three processes the best ratio counts. On a CPU the time is that of
the process and its one thread, without what other programs take. `--step` times whole training steps,
`--bars` only the cases that the project has set itself limits for.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mixture_models import models, training_step
from torch import nn

import autoact
from autoact.activations import compile_source, torch_source
from autoact.kernels import compiled, plan_for
from autoact.kernels.lowering import Program, backward_program, forward_program

LIST = ("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh")
SIZES = {"cpu": (13, 18, 22), "cuda": (13, 22, 28)}
COMPILED = ("list 8", "random 8")  # compared with compiled formulas too: each costs 6 s of compilation
ROUNDS, SECONDS = 15, 0.004  # rounds of turns, and the least duration of a turn
Run = Callable[[], object]


def candidate_sets(short: bool, bars: bool) -> dict[str, tuple[str, ...]]:
    """Return names by label: the list, the first of the registry, and random subsets of it."""
    names, draw = autoact.list_activations(), random.Random(0)
    if short or bars:
        return {"list 8": LIST} | ({"first 32": names[:32]} if bars else {})
    subsets = {f"random {k}": tuple(sorted(draw.sample(names, k))) for k in (1, 4, 8, 16)}
    return {"list 8": LIST, **subsets, "first 32": names[:32]}


def naive(
    names: tuple[str, ...], parameters: dict[str, dict[str, torch.Tensor]]
) -> Callable[..., torch.Tensor]:
    """Return the sum that people write: each candidate by torch's own function where it has one."""

    def one(name: str, x: torch.Tensor) -> torch.Tensor:
        own = parameters.get(name, {})
        if name == "prelu":
            return F.prelu(x, own["slope"].reshape(1))
        act = autoact.get(name)
        if act.twin is not None and act.twin.functions and not own:
            result: torch.Tensor = act.twin.functions[0](x)
            return result
        return act(x, **own)

    return lambda x, w: sum((w[k] * one(name, x) for k, name in enumerate(names)), torch.zeros(()).to(x))


class Arena:
    """One input, one gradient, and everything that is timed on them."""

    def __init__(
        self, size: int, device: str, dtype: torch.dtype, names: tuple[str, ...], compile: bool = True
    ) -> None:
        shape = (-1, min(256, size))
        self.x = torch.randn(size, device=device).to(dtype).reshape(shape).requires_grad_()
        self.grad = torch.randn(size, device=device).to(dtype).reshape(shape)
        self.w = torch.full((len(names),), 1 / len(names), device=device, requires_grad=True)
        self.theta = {
            name: {
                p.name: torch.tensor(p.default, device=device, requires_grad=True)
                for p in autoact.get(name).parameters
                if p.learnable
            }
            for name in names
        }
        slots = autoact.kernels.parameter_slots(names)
        vector = torch.tensor([p.default for _, p in slots], device=device).requires_grad_()
        plain = naive(names, self.theta)
        fused = lambda x: autoact.mixture(x, self.w, names, vector)  # noqa: E731
        self.forward: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
            "naive": lambda x: plain(x, self.w),
            "GELU": F.gelu,
            "mixture": fused,
        }
        if compile:
            for name, f in list(self.forward.items()):
                self.forward[f"{name} compiled"] = torch.compile(lambda x, f=f: f(x))

    def runs(self) -> dict[str, Run]:
        """Return forward with backward of every contestant, and copies of the floor's bytes."""
        out, out2 = torch.empty_like(self.x), torch.empty_like(self.x)

        def copies() -> None:
            out.copy_(self.x.detach())
            torch.add(self.x.detach(), self.grad, out=out2)

        return {**{name: self._both(f) for name, f in self.forward.items()}, "copy": copies}

    def forward_runs(self) -> dict[str, Run]:
        """Return forward alone, without gradients."""

        def only(f: Callable[[torch.Tensor], torch.Tensor]) -> Run:
            def run() -> None:
                with torch.no_grad():
                    f(self.x)

            return run

        return {name: only(f) for name, f in self.forward.items()}

    def _both(self, f: Callable[[torch.Tensor], torch.Tensor]) -> Run:
        def run() -> None:
            f(self.x).backward(self.grad)
            self.x.grad = self.w.grad = None

        return run

    def kept(self, name: str) -> float:
        """Return bytes kept for backward, as a multiple of x."""
        seen: dict[int, int] = {}

        def pack(t: torch.Tensor) -> torch.Tensor:
            seen[t.untyped_storage().data_ptr()] = t.numel() * t.element_size()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            self.forward[name](self.x * 1)
        return sum(seen.values()) / (self.x.numel() * self.x.element_size())

    def peak(self, name: str) -> float | None:
        """Return the peak memory of forward and backward on a GPU, as a multiple of x."""
        if not self.x.is_cuda:
            return None
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self._both(self.forward[name])()
        return (torch.cuda.max_memory_allocated() - before) / (self.x.numel() * self.x.element_size())


def in_turns(runs: dict[str, Run], device: str, rounds: int) -> dict[str, list[float]]:
    """Return seconds per call by contestant, one per round; contestants take turns."""
    wait: Run = torch.cuda.synchronize if device == "cuda" else lambda: None
    clock = time.perf_counter if device == "cuda" else time.process_time
    repeats = {}
    for name, run in runs.items():
        for _ in range(3):
            run()
        wait()
        start = clock()
        run()
        wait()
        repeats[name] = max(1, int(SECONDS / (clock() - start)))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = clock()
            for _ in range(repeats[name]):
                run()
            wait()
            times[name].append((clock() - start) / repeats[name])
    return times


def ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    """Return the median over rounds of one contestant's time over another's."""
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


def row(times: dict[str, list[float]], **what: Any) -> dict[str, Any]:
    ratios = {f"{other} / mixture": ratio(times, other, "mixture") for other in times if other != "mixture"}
    microseconds = {name: 1e6 * statistics.median(seconds) for name, seconds in times.items()}
    return {**what, "microseconds": microseconds, "ratios": ratios}


def elementwise(device: str, short: bool, bars: bool) -> list[dict[str, Any]]:
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


def same_formula(exponent: int) -> dict[str, Any]:
    """Return a row: the C kernels beside torch.compile of the formula that they are printed from."""
    plan = plan_for(LIST)
    value, partials = printed(forward_program(plan)), printed(backward_program(plan))
    x, grad = torch.randn(2, 1 << exponent)
    w, theta = torch.full((8,), 0.125), torch.tensor([p.default for _, p in plan.slots])
    c = plan.coefficients(w, theta)
    kernels = compiled.kernels_for(plan, x)
    assert kernels is not None

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


def steps(device: str, short: bool) -> list[dict[str, Any]]:
    """Return one row per model: whole training steps with ReLU, GELU and a mixture of the default eight."""
    acts: dict[str, Callable[[], nn.Module]] = {
        "ReLU": nn.ReLU, "GELU": nn.GELU, "mixture": autoact.AutoActivation,
    }  # fmt: skip
    rows = []
    made = {name: models(act, device == "cuda") for name, act in acts.items()}
    for model in ["MLP"] if short else list(made["ReLU"]):
        runs, peaks = {}, {}
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


def measured(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    torch.manual_seed(0)
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    torch._dynamo.config.recompile_limit = 64
    if arguments.step:
        return steps(arguments.device, arguments.short)
    return elementwise(arguments.device, arguments.short, arguments.bars)


def best(processes: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the rows of the first process with the best ratios of all: the mixture's own time is low."""
    merged = []
    for rows in zip(*processes, strict=True):
        chosen = dict(rows[0])
        for key in chosen["ratios"]:
            pick = max if key.endswith("/ mixture") else min
            chosen["ratios"][key] = pick(r["ratios"][key] for r in rows)
        chosen["all ratios"] = [r["ratios"] for r in rows]
        merged.append(chosen)
    return merged


def machine(device: str) -> dict[str, Any]:
    return {
        "date": datetime.date.today().isoformat(),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU {platform.machine()}, 1 thread",
        "cores": os.cpu_count(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for r in rows:
        what = r.get("model") or f"{r['dtype']} {r['elements']} {r['candidates']}, {r['direction']}"
        lines.append(f"\n{what}")
        lines.append(
            "  µs    " + "  ".join(f"{name} {value:.1f}" for name, value in r["microseconds"].items())
        )
        lines.append("  ratio " + "  ".join(f"{name} {value:.2f}" for name, value in r["ratios"].items()))
        if any(r.get("kept", {}).values()):
            lines.append("  kept  " + "  ".join(f"{name} {value:.2f} x" for name, value in r["kept"].items()))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--step", action="store_true", help="whole training steps")
    parser.add_argument("--bars", action="store_true", help="only what the project has limits for")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--short", action="store_true", help="one process, few cases: a check that it runs")
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
    print(json.dumps(machine(arguments.device)), table(rows), sep="\n")
    if arguments.json:
        found = {"machine": machine(arguments.device), "processes": len(processes), "rows": rows}
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def children(arguments: argparse.Namespace) -> list[list[dict[str, Any]]]:
    import tempfile

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
