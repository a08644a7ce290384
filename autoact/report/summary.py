"""The end of a run in the terminal: verdict, assignment, cost, and where to look."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoact.report import wording
from autoact.report.run_files import RunFiles, read_run


def summarize(run: RunFiles | str | Path) -> str:
    """Return what a run found, in a few lines of plain text.

    Args:
        run: A run, or its directory.

    Returns:
        The verdict, each layer's activation, what it cost, and where to look.
    """
    run = run if isinstance(run, RunFiles) else read_run(run)
    parts = (
        _verdict(run),
        _layers(run),
        _hyperparameters(run.report),
        _front(run),
        _cost(run.report),
        _files(run.path),
    )
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _verdict(run: RunFiles) -> list[str]:
    sentences = (
        wording.against_original(run.report),
        wording.tuning(run.report),
        wording.detectable(run.report),
        wording.needed(run.report),
        wording.replaced(run.report),
        wording.against_best_uniform(run.report),
    )
    return [f"Verdict: {run.report.get('verdict', 'none')}", *(f"  {text}" for text in sentences if text)]


def _layers(run: RunFiles) -> list[str]:
    chosen = run.report.get("chosen") or {}
    if not chosen:
        return []
    width = max(map(len, chosen))
    before = {path: wording.choice(run.original.get(path)) for path in chosen}
    return ["Assignment", *(f"  {p:<{width}}  {before[p]} → {wording.choice(c)}" for p, c in chosen.items())]


def _hyperparameters(report: Mapping[str, Any]) -> list[str]:
    searched = report.get("hyperparameters") or {}
    chosen, own = searched.get("chosen") or {}, searched.get("own") or {}
    width = max(map(len, chosen), default=0)
    lines = [
        f"  {name:<{width}}  {wording.setting(own.get(name, wording.NOTHING))} → {wording.setting(value)}"
        for name, value in chosen.items()
    ]
    return ["Hyperparameters", *lines] if lines else []


def _front(run: RunFiles) -> list[str]:
    """Return the assignments that nothing beats in value and latency, where there is more than one."""
    front = [point for point in run.report.get("pareto") or () if point["front"]]
    if len(front) < 2:
        return []
    rows = [
        f"  {wording.number(point['latency'], 3):>7} ms  {run.metric} {wording.number(point['mean']):<8} "
        f"{wording.assignment(point['layers'])}"
        for point in front
    ]
    return ["Accuracy against latency", *rows]


def _cost(report: Mapping[str, Any]) -> list[str]:
    cost, worth = report.get("cost") or {}, wording.worth(report)
    rows = [
        f"  {part:<12}  {wording.number(spent['trainings'], 3):>5} trainings  {spent['steps']:>9,} steps  "
        f"{wording.duration(spent['seconds'])}"
        for part, spent in cost.items()
    ]
    return ["Cost", *rows, *([f"  search: {worth}"] if worth else [])] if rows else []


def _files(path: Path) -> list[str]:
    return [
        "Where to look",
        f"  {path / 'report.html'}",
        f"  tensorboard --logdir {path / 'tensorboard'}",
        f"  {path / 'assignment.yaml'}    (autoact.apply(model, autoact.Assignment.load(...)))",
    ]
