"""Page of a run: one file without network, readable light, dark, on a narrow screen and on paper."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from autoact.dashboard import embedded, script, style
from autoact.records import FrontPoint, Look, confidence
from autoact.report import _wording
from autoact.report._graphs import graph
from autoact.report._leaderboard import Row, leaderboard, to_csv
from autoact.report._mixture_view import mixture_view
from autoact.report._next_step import next_step
from autoact.report._run import Run, read_run
from autoact.report._verdict import failures, headline, sentences
from autoact.report._view import confirmed, finite_mean, search_view
from autoact.spaces import Assignment
from autoact.spaces.files import write_text

SHOWN_ROWS = 10
SHOWN_FUNCTIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """How far a run is.

    Attributes:
        phase: What is done now.
        done: Trainings, in full ones.
        total: Trainings that are expected.
        left: Seconds that are expected to be left; NaN where nobody knows.
        looks: What was seen of the comparison so far.
        stopped: Whether nobody works on it any more.
        at: When this was so.

    Example:
        >>> Live(phase="search", done=3.5, total=20, left=60.0).looks
        ()
    """

    phase: str
    done: float
    total: float
    left: float
    looks: tuple[Look, ...] = ()
    stopped: bool = False
    at: str = field(default_factory=lambda: f"{datetime.now():%Y-%m-%d %H:%M:%S}")

    @property
    def headline(self) -> str:
        """What the page begins with."""
        return "The search was stopped" if self.stopped else "The search runs"


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that got the same activation in place of the same one."""

    chosen: str
    before: str
    layers: tuple[str, ...]
    place: int | None


def render(run: Run, rows: Sequence[Row], live: Live | None = None) -> str:
    """Return the page of a run.

    Args:
        run: The run.
        rows: Its leaderboard.
        live: How far it is, while it runs.
    """
    step, code = next_step(run)
    groups, graphs = _groups(run)
    search, mixture = search_view(run), mixture_view(run)
    return _template().render(
        run=run,
        report=run.report,
        live=live,
        headline=headline(run.report) if live is None else live.headline,
        failures=failures(run.report),
        sentences=sentences(run) if live is None else [],
        facts=list(_facts(run)) if live is None else [],
        groups=groups,
        comparisons=list(run.compared.items()),
        interval=_wording.interval,
        level=_wording.percent(confidence(run.report.questions)),
        rows=[(row, _wording.trained(row.layers, row.hyperparameters)) for row in rows[:SHOWN_ROWS]],
        row_count=len(rows),
        front=[(p, _wording.assignment(p.layers)) for p in run.unbeaten],
        points=_points(run),
        prior=_wording.discretization(run.report),
        mixture=mixture,
        search=search,
        shown=_shown(search),
        data=Markup(embedded({"search": search, "mixture": mixture, "functions": graphs})),  # escaped for it
        style=Markup(style()),
        script=Markup(script()),
        wall=run.wall,
        diverged=[training for training in run.trainings if training.state == "diverged"],
        step=step,
        code=code,
    )


def _shown(search: dict[str, Any]) -> set[str]:
    """Return the figures that there are data for."""
    found, trainings = search["result"] or {}, search["trainings"]
    long = [each for each in trainings if len(each["curve"][0]) > 1]
    return {
        name
        for name, there in {
            "progress": any(each["phase"] in ("trial", "one-shot") for each in trainings),
            "current": not found and long,
            "curves": any(each["phase"] == "confirmation" for each in long),
            "looks": len(found.get("looks", ())) > 1,
            "values": found.get("confirmed"),
            "differences": found.get("comparisons"),
            "uniforms": found.get("baselines"),
            "beliefs": found.get("beliefs"),
            "pareto": len(found.get("pareto", ())) > 1,
            "front": any(each["cost"] is not None for each in (found.get("front") or {}).get("points", ())),
        }.items()
        if there
    }


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
        number=_wording.number,
        signed=_wording.signed,
        duration=_wording.duration,
        p_value=_wording.p_value,
        breakable=_breakable,
    )
    return environment.get_template("report.html")


def _breakable(text: str) -> Markup:
    """Return a text that may be broken after punctuation, where a narrow page has to break it."""
    return Markup("<wbr>").join(re.split(r"(?<=[(,=])", text))


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
        wall = f", {_wording.duration(run.wall)} of wall time" if run.wall else ""
        yield trainings, "trainings in all", f"{_wording.duration(seconds)} in training{wall}"
    latency = report.latency
    if latency is not None and latency.chosen and latency.original and not run.keeps_activations:
        ratio = _wording.number(latency.chosen / latency.original, 3)
        yield f"{ratio}×", "time of a forward pass", f"chosen / original, {latency.unit.removeprefix('ms ')}"


def _means(run: Run) -> Iterator[tuple[str, str, str]]:
    """Give means and difference of chosen and original model, where they are two."""
    compared = run.compared.get("original")
    models = {model.role: model for model in confirmed(run)}
    if compared is None:
        return
    if {"original", "chosen"} <= models.keys():
        values = [finite_mean(models[role].values) for role in ("original", "chosen")]
        before, after = _wording.alike(values)
        count = len(models["chosen"].values)
        yield (
            f"{before} → {after}",
            f"{run.report.metric} on comparison data, original → chosen",
            f"means of {count} seeds",
        )
    span = f"{_wording.percent(compared.level)} interval {_wording.interval(compared)}"
    yield _wording.signed(compared.difference), "difference; positive is better", span


def _points(run: Run) -> list[tuple[FrontPoint, str, str]]:
    """Return the models of the front that was confirmed, in words, with what holds of each."""
    found = run.report.front
    return [
        (
            p,
            _wording.trained(p.layers, p.hyperparameters),
            _wording.beside_original(p, found, run.report.metric),
        )
        for p in (() if found is None else found.points)
        if found is not None
    ]


def _groups(run: Run) -> tuple[list[Group], list[dict[str, Any]]]:
    """Return the chosen activations, each once with its layers, and their graphs; none before the choice."""
    if run.report.chosen is None:
        return [], []
    chosen, original = run.whole(run.report.chosen), run.report.original or Assignment({})
    grouped: dict[tuple[str, str], list[str]] = {}
    for path, choice in chosen.items():
        now = str(run.before.get(path, _wording.NOTHING))
        grouped.setdefault((str(choice), now), []).append(path)
    groups: list[Group] = []
    graphs: list[dict[str, Any]] = []
    for words, (first, *others) in grouped.items():
        drawn = graph(chosen[first], original.get(first)) if len(graphs) < SHOWN_FUNCTIONS else None
        groups.append(Group(*words, (first, *others), None if drawn is None else len(graphs)))
        graphs += [drawn] if drawn is not None else []
    return groups, graphs


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


def write_live(run: Run, live: Live) -> None:
    """Write report.html of a run that is not done; it reloads itself every few seconds.

    Args:
        run: What is known.
        live: How far it is.

    Raises:
        ConfigurationError: If the directory cannot be written.

    Example:
        >>> import tempfile
        >>> from autoact.records import Report
        >>> run = Run(Path(tempfile.mkdtemp()), Report(autoact="1", space="s", metric="val_loss", mode="min"))
        >>> write_live(run, Live(phase="search", done=3.5, total=20, left=60.0))
        >>> "3.5 of about 20 trainings are done" in (run.path / "report.html").read_text()
        True
    """
    write_text(run.path / "report.html", render(run, leaderboard(run), live))
