"""Page of a run: one file without scripts or network, readable light, dark, and on a narrow screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from autoact.records import confidence
from autoact.report import _figures, _search_figures, _wording
from autoact.report._leaderboard import Row, leaderboard, to_csv
from autoact.report._run import Run, read_run
from autoact.report._verdict import failures, next_step, sentences
from autoact.spaces import Assignment
from autoact.spaces.files import write_text

SHOWN_ROWS = 10
SHOWN_FUNCTIONS = 12


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that got the same activation in place of the same one."""

    chosen: str
    before: str
    layers: tuple[str, ...]
    figure: Markup


def render(run: Run, rows: Sequence[Row]) -> str:
    """Return the page of a run.

    Args:
        run: The run.
        rows: Its leaderboard.
    """
    step, code = next_step(run)
    return _template().render(
        run=run,
        report=run.report,
        headline=(run.report.verdict or "no verdict").capitalize(),
        failures=failures(run.report),
        sentences=sentences(run),
        facts=list(_facts(run)),
        groups=_groups(run),
        comparisons=list(run.compared.items()),
        interval=_wording.interval,
        level=_wording.percent(confidence(run.report.questions)),
        rows=[(row, _wording.trained(row.layers, row.hyperparameters)) for row in rows[:SHOWN_ROWS]],
        row_count=len(rows),
        front=[(p, _wording.assignment(p.layers)) for p in run.front],
        prior=_wording.discretization(run.report),
        figures={name: Markup(draw(run)) for name, draw in _FIGURES.items()},
        diverged=[training for training in run.trainings if training.state == "diverged"],
        step=step,
        code=code,
    )


@cache
def _template() -> Template:
    """Return the compiled template of the page: to compile it takes longer than to fill it in."""
    environment = Environment(
        loader=PackageLoader("autoact.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_wording.number, signed=_wording.signed, duration=_wording.duration, p_value=_wording.p_value
    )
    return environment.get_template("report.html")


_FIGURES = {
    "values": _figures.seed_values,
    "differences": _figures.differences,
    "progress": _figures.progress,
    "uniforms": _figures.uniforms,
    "pareto": _search_figures.pareto,
    "prior": _search_figures.prior,
    "curves": _figures.curves,
}


def _facts(run: Run) -> Iterator[tuple[str, str, str]]:
    """Give the numbers at the top: value, what it is, remark."""
    report = run.report
    yield from _means(run)
    if report.hyperparameters is not None:
        own = report.hyperparameters.own
        for name, value in report.hyperparameters.chosen.items():
            before = _wording.setting(own.get(name, _wording.NOTHING))
            yield _wording.setting(value), name, f"with the chosen activations; was {before}"
    if report.cost:
        trainings = _wording.number(sum(part.trainings for part in report.cost.values()))
        seconds = sum(part.seconds for part in report.cost.values())
        yield trainings, "trainings in all", f"{_wording.duration(seconds)} in training"
    latency = report.latency
    if latency is not None and latency.chosen and latency.original and not run.keeps_activations:
        ratio = _wording.number(latency.chosen / latency.original, 3)
        yield f"{ratio}×", "time of a forward pass", "chosen / original"


def _means(run: Run) -> Iterator[tuple[str, str, str]]:
    """Give means and difference of chosen and original model, where they are two."""
    compared = run.compared.get("original")
    models = {model.role: model for model in _figures.confirmed(run)}
    if compared is None:
        return
    if {"original", "chosen"} <= models.keys():
        before, after = (
            _wording.number(_figures.finite_mean(models[role].values), 3) for role in ("original", "chosen")
        )
        count = len(models["chosen"].values)
        yield f"{before} → {after}", f"{run.report.metric}, original → chosen", f"mean of {count} seeds"
    span = f"{_wording.percent(compared.level)} interval {_wording.interval(compared)}"
    yield _wording.signed(compared.difference), "difference; positive is better", span


def _groups(run: Run) -> list[Group]:
    """Return the chosen activations, each once with all its layers."""
    chosen, original = run.whole(run.report.chosen or Assignment({})), run.report.original or Assignment({})
    grouped: dict[tuple[str, str], list[str]] = {}
    for path, choice in chosen.items():
        now = str(run.before.get(path, _wording.NOTHING))
        grouped.setdefault((str(choice), now), []).append(path)
    groups = []
    for place, (words, (first, *others)) in enumerate(grouped.items()):
        before = original[first] if first in original else None
        shown = place < SHOWN_FUNCTIONS
        figure = _figures.function(f"function{place}", chosen[first], before) if shown else ""
        groups.append(Group(*words, (first, *others), Markup(figure)))
    return groups


def write_report(run_dir: str | Path) -> Path:
    """Write report.html and leaderboard.csv from a run's report.json and trainings.jsonl.

    Args:
        run_dir: A run directory that `run_search` or `autoact search` has finished.

    Returns:
        The path of report.html.

    Raises:
        RunDirectoryError: If the directory holds no finished run, or a file of it cannot be read.
        ConfigurationError: If the directory cannot be written.

    Example:
        >>> write_report("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday is not a directory; give the one that `out`
        of the search named.
    """
    run = read_run(run_dir)
    rows = leaderboard(run)
    write_text(run.path / "leaderboard.csv", to_csv(rows))
    write_text(run.path / "report.html", render(run, rows))
    return run.path / "report.html"
