"""Summary of a run for the terminal: failures, verdict, assignment, cost, and where to look."""

from pathlib import Path
from typing import Any

from autoact.records import Report
from autoact.report._next_step import next_step
from autoact.report._run import Run, read_run
from autoact.report._verdict import failures, sentences
from autoact.report._wording import (
    NOTHING,
    assignment,
    beside_original,
    duration,
    number,
    percent,
    setting,
    trained,
)


def summarize(run: Run | str | Path) -> str:
    """Return what a run found, in a few lines of plain text.

    Args:
        run: A run, or its directory.

    Returns:
        Trainings that raised, the verdict, remarks, each layer's activation, what it cost, and where to look.

    Raises:
        RunDirectoryError: If the directory holds no finished run, or a file of it cannot be read.

    Example:
        >>> summarize("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday is not a directory; give the one that `out`
        of the search named.
    """
    run = run if isinstance(run, Run) else read_run(run)
    parts = (
        _failures(run.report),
        _verdict(run),
        list(run.report.remarks),
        _layers(run),
        _hyperparameters(run.report),
        _two_goals(run),
        _front(run),
        _cost(run.report),
        _files(run),
    )
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def answer(path: str | Path) -> dict[str, Any]:
    """Return what a run found, as plain types for `--json`.

    Args:
        path: The run directory.

    Returns:
        `run`, `verdict`, `recommended` (activations by layer), `says` (sentences), `next` (what to do, and as
        code), `report` (the content of report.json); of a search for two goals also `front` (file and what
        holds of each model on it).

    Raises:
        RunDirectoryError: As of `summarize`.

    Example:
        >>> answer("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday is not a directory; give the one that `out`
        of the search named.
    """
    run = read_run(path)
    step, code = next_step(run)
    recommended = run.report.recommended
    front = run.report.front
    points = (
        []
        if front is None
        else [
            {"file": str(run.path / p.file), "says": beside_original(p, front, run.report.metric)}
            for p in front.points
        ]
    )
    return {
        "run": str(run.path),
        "verdict": run.report.verdict,
        "recommended": None if recommended is None else {p: str(c) for p, c in recommended.items()},
        "says": sentences(run),
        "next": {"step": step, "code": code},
        **({} if front is None else {"front": points}),
        "report": run.report.to_dict(),
    }


def _failures(report: Report) -> list[str]:
    lines = [f"  {text}" for text in failures(report)]
    return ["Failures", *lines] if lines else []


def _verdict(run: Run) -> list[str]:
    return [f"Verdict: {run.report.verdict or 'none'}", *(f"  {text}" for text in sentences(run))]


def _layers(run: Run) -> list[str]:
    if run.report.chosen is None:
        return []
    chosen, before = run.whole(run.report.chosen), run.before
    width = max(map(len, chosen))
    return ["Assignment", *(f"  {p:<{width}}  {before.get(p, NOTHING)} → {c}" for p, c in chosen.items())]


def _hyperparameters(report: Report) -> list[str]:
    found = report.hyperparameters
    if found is None or not found.chosen:
        return []
    width = max(map(len, found.chosen))
    lines = [
        f"  {name:<{width}}  {setting(found.own.get(name, NOTHING))} → {setting(value)}"
        for name, value in found.chosen.items()
    ]
    return ["Hyperparameters", *lines]


def _two_goals(run: Run) -> list[str]:
    """Return the models of the front that was confirmed, of a search for two goals."""
    front = run.report.front
    if front is None:
        return []
    head = f"{run.report.metric} and {front.goal}; the original: {number(front.original)} {front.unit}"
    lines = [head]
    for point in front.points:
        cost = point.expected if point.cost is None else point.cost.value
        chosen = " (chosen)" if point.chosen else ""
        lines += [
            f"  {number(cost):>8}  {trained(point.layers, point.hyperparameters)}{chosen}",
            f"  {'':>8}  {beside_original(point, front, run.report.metric)}; {run.path / point.file}",
        ]
    if not front.points:
        return [*lines, "  no model was believed to be better, or cheaper and not beaten by the original"]
    return [*lines, f"  all of these intervals hold at once with {percent(front.level)}"]


def _front(run: Run) -> list[str]:
    """Return the assignments that nothing beats in value and latency, where there is more than one."""
    if len(run.unbeaten) < 2:
        return []
    metric = run.report.metric
    rows = [
        f"  {number(point.latency, 3):>7} ms  {metric} {number(point.mean):<8} {assignment(point.layers)}"
        for point in run.unbeaten
    ]
    unit = "" if run.report.latency is None else f", {run.report.latency.unit}"
    return [f"{metric} against latency{unit}", *rows]


def _cost(report: Report) -> list[str]:
    rows = [
        f"  {part:<12}  {number(spent.trainings, 3):>5} trainings  {spent.steps:>9,} steps  "
        f"{duration(spent.seconds)}"
        for part, spent in report.cost.items()
    ]
    return ["Cost", *rows] if rows else []


def _files(run: Run) -> list[str]:
    step, code = next_step(run)
    return [
        "Where to look",
        f"  {run.path / 'report.html'}",
        f"  tensorboard --logdir {run.path / 'tensorboard'}",
        f"  {step}",
        *(f"    {line}" for line in code.splitlines() if line),
    ]
