"""Times of contestants that take turns, so that whatever else the machine does meets all of them."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from scripts.benchmarks.contest._arena import Run

SECONDS = 0.004  # the least duration of a turn
Row = dict[str, Any]


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


def row(times: dict[str, list[float]], **what: Any) -> Row:
    """Return times in microseconds, and ratios to the mixture's, with what they are of."""
    ratios = {f"{other} / mixture": ratio(times, other, "mixture") for other in times if other != "mixture"}
    microseconds = {name: 1e6 * statistics.median(seconds) for name, seconds in times.items()}
    return {**what, "microseconds": microseconds, "ratios": ratios}


def best(processes: list[list[Row]]) -> list[Row]:
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


def shown(rows: list[Row]) -> str:
    """Return all rows as text: times, ratios, and what is kept for backward."""
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
