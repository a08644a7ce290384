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
        _cost(run.report.get("cost") or {}),
        _files(run.path),
    )
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _verdict(run: RunFiles) -> list[str]:
    sentences = (
        wording.against_original(run.report),
        wording.tuning(run.report),
        wording.detectable(run.report),
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


def _cost(cost: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = [
        f"  {part:<12}  {wording.number(spent['trainings'], 3):>5} trainings  {spent['steps']:>9,} steps  "
        f"{wording.duration(spent['seconds'])}"
        for part, spent in cost.items()
    ]
    return ["Cost", *rows] if rows else []


def _files(path: Path) -> list[str]:
    return [
        "Where to look",
        f"  {path / 'report.html'}",
        f"  tensorboard --logdir {path / 'tensorboard'}",
        f"  {path / 'assignment.yaml'}    (autoact.apply(model, autoact.Assignment.load(...)))",
    ]
