"""report.html: one file without scripts or network, readable in light, in dark, and on a narrow screen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autoact.report import figures, search_figures, wording
from autoact.report.leaderboard import Row
from autoact.report.run_files import RunFiles

SHOWN_ROWS = 10
SHOWN_FUNCTIONS = 12


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that got the same activation in place of the same one."""

    chosen: str
    before: str
    layers: tuple[str, ...]
    figure: Markup


def render(run: RunFiles, rows: Sequence[Row]) -> str:
    """Return the page of a run.

    Args:
        run: The run.
        rows: Its leaderboard.
    """
    environment = Environment(
        loader=PackageLoader("autoact.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=wording.number, signed=wording.signed, duration=wording.duration, p_value=wording.p_value
    )
    return environment.get_template("report.html").render(
        run=run,
        report={**dict.fromkeys(_KEYS), **run.report},
        headline=wording.headline(run.report.get("verdict")),
        sentences=[text for text in _sentences(run) if text],
        facts=list(_facts(run)),
        groups=_groups(run),
        comparisons=[
            (name, run.comparison(name)) for name in ("original", "best_uniform") if run.comparison(name)
        ],
        interval=wording.interval,
        rows=[(row, wording.trained(row.layers, row.hyperparameters)) for row in rows[:SHOWN_ROWS]],
        row_count=len(rows),
        prior=wording.discretization(run.report),
        figures={name: Markup(draw(run)) for name, draw in _FIGURES.items()},
        failed=[t for t in run.trainings if t.get("state", "finished") != "finished"],
    )


_KEYS = (
    "autoact",
    "task",
    "space",
    "cost",
    "chosen",
    "confirmation",
    "verdict",
)  # absent where a search failed
_FIGURES = {
    "values": figures.seed_values,
    "differences": figures.differences,
    "progress": figures.progress,
    "uniforms": figures.uniforms,
    "pareto": search_figures.pareto,
    "prior": search_figures.prior,
    "curves": figures.curves,
}


def _sentences(run: RunFiles) -> Iterator[str]:
    yield wording.against_original(run.report)
    yield wording.tuning(run.report)
    yield wording.detectable(run.report)
    yield wording.needed(run.report)
    yield wording.replaced(run.report)
    yield wording.against_best_uniform(run.report)


def _facts(run: RunFiles) -> Iterator[tuple[str, str, str]]:
    """Give the numbers at the top: value, what it is, remark."""
    models = {model.role: model for model in figures.confirmed(run)}
    if {"original", "chosen"} <= models.keys():
        before, after = (wording.number(models[role].mean, 3) for role in ("original", "chosen"))
        yield (
            f"{before} → {after}",
            f"{run.metric}, original → chosen",
            f"mean of {len(models['chosen'].values)} seeds",
        )
    compared = run.comparison("original")
    if compared:
        yield (
            wording.signed(compared["difference"]),
            "difference",
            f"95% interval {wording.interval(compared)}",
        )
    searched = run.report.get("hyperparameters") or {}
    for name, value in (searched.get("chosen") or {}).items():
        before = wording.setting(searched["own"].get(name, wording.NOTHING))
        yield wording.setting(value), name, f"with the chosen activations; was {before}"
    cost = run.report.get("cost") or {}
    if cost:
        trainings = wording.number(sum(part["trainings"] for part in cost.values()))
        yield trainings, "trainings in all", wording.duration(sum(part["seconds"] for part in cost.values()))
    latency = run.report.get("latency") or {}
    if latency.get("chosen") and latency.get("original"):
        ratio = wording.number(latency["chosen"] / latency["original"], 3)
        yield f"{ratio}×", "time of a forward pass", "chosen / original"


def _groups(run: RunFiles) -> list[Group]:
    """Return the chosen activations, each once with all its layers."""
    grouped: dict[tuple[str, str], list[str]] = {}
    chosen: Mapping[str, Any] = run.report.get("chosen") or {}
    for path, choice in chosen.items():
        grouped.setdefault((wording.choice(choice), wording.choice(run.original.get(path))), []).append(path)
    return [
        Group(words[0], words[1], tuple(paths), _graph(run, place, chosen[paths[0]], paths[0]))
        for place, (words, paths) in enumerate(grouped.items())
    ]


def _graph(run: RunFiles, place: int, choice: Mapping[str, Any], path: str) -> Markup:
    if place >= SHOWN_FUNCTIONS:
        return Markup("")
    return Markup(figures.function(f"function{place}", choice, run.original.get(path)))
