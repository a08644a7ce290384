r"""Tables of a ranking: for a terminal, and for a paper."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoact._card import aligned
from autoact.activations import get
from autoact.errors import counted
from autoact.ranking._opponents import REFERENCE
from autoact.ranking._task_ranking import TaskRanking
from autoact.records import Comparison

if TYPE_CHECKING:
    from autoact.ranking._ranking import Ranking

_MARKS = {"better": " *", "worse": " -", "": ""}


def text(ranking: "Ranking") -> str:
    """Return the ranked activations task by task, then the ranks of all.

    Args:
        ranking: The ranking.
    """
    blocks = [_of_one(ranking, name) for name in ranking.own]
    return "\n\n".join([*blocks, _notes(ranking), _of_all(ranking), *_failures(ranking)])


def _of_one(ranking: "Ranking", name: str) -> str:
    mean, half = ranking.ranks[name]
    place = 1 + list(ranking.ranks).index(name)
    rows: list[Sequence[str]] = [
        ("task", "metric", name, f"better than {REFERENCE} by", "best of the others", "better than it by")
    ]
    for task in ranking.tasks:
        to_reference, marked = ranking.difference(task.name, name)
        to_best, also = ranking.difference(task.name, name, task.best)
        better = _number(to_reference) + _MARKS[marked], task.best, _number(to_best) + _MARKS[also]
        rows.append((task.name, task.metric, _mean(task, name), *better))
    head = f"{name}: mean rank {mean:.1f} ± {half:.1f}, number {place} of {len(ranking.ranks)}"
    return "\n".join([head, "", *aligned(rows)])


def _notes(ranking: "Ranking") -> str:
    return (
        f"* better, - worse at 5 %, Holm's correction for {counted(len(ranking.claims), 'comparison')}; ± is "
        f"half of a 95 % interval over {len(ranking.seeds)} paired seeds and the rows.\n"
        "On rows that chose nothing; the best of the others is the best on selection rows. "
        "One learning rate for all: the task's own."
    )


def _of_all(ranking: "Ranking") -> str:
    rows: list[Sequence[str]] = [("activation", "mean rank", *(task.name for task in ranking.tasks))]
    for name, (mean, half) in ranking.ranks.items():
        cells = [_gain(ranking, task, name) for task in ranking.tasks]
        rows.append((f"{name} <" if name in ranking.own else name, f"{mean:.1f} ± {half:.1f}", *cells))
    corrected = counted(len(ranking.others), "comparison")
    said = f"better than {REFERENCE} by; of the others, corrected for {corrected}"
    return "\n".join([said, "", *aligned(rows)])


def _gain(ranking: "Ranking", task: TaskRanking, name: str) -> str:
    if name == REFERENCE:
        return f"({_mean(task, name)})"
    comparison, shows = ranking.difference(task.name, name)
    return _number(comparison) + _MARKS[shows]


def _failures(ranking: "Ranking") -> list[str]:
    lines = [f"{task}: {name} failed: {error}" for (task, name), error in ranking.failures.items()]
    return ["\n".join(lines)] if lines else []


def _mean(task: TaskRanking, name: str) -> str:
    values = [value for value in task.values[name] if math.isfinite(value)]
    return f"{sum(values) / len(values):.4f}" if len(values) == len(task.values[name]) else "diverged"


def _number(found: Comparison) -> str:
    """Return a difference with half of its interval; of what diverged, how often."""
    if found.selected_diverged + found.both_diverged:
        return f"{found.selected_diverged + found.both_diverged} diverged"
    return f"{found.difference:+.4f} ± {(found.ci95[1] - found.ci95[0]) / 2:.4f}"


def latex(ranking: "Ranking") -> str:
    r"""Return two tables for a paper that uses the package booktabs: of the ranked activations, and of all.

    Args:
        ranking: The ranking.
    """
    seeds, own = len(ranking.seeds), ", ".join(_named(name) for name in ranking.own)
    said = (
        f"Mean and half of the 95\\,\\% interval over {seeds} paired seeds and the comparison rows, positive "
        "where better; all activations share the learning rate of the task. Bold: better at 5\\,\\% after "
        "Holm's correction for "
    )
    formulas = "; ".join(f"{_named(name)}: ${get(name).latex}$" for name in ranking.own)
    first = _table(
        (
            "task",
            "activation",
            "value",
            f"gain over {_named(REFERENCE)}",
            "best of the others",
            "gain over it",
        ),
        [
            (
                _escaped(task.name),
                _named(name),
                _mean(task, name),
                _cell(*ranking.difference(task.name, name)),
                _named(task.best),
                _cell(*ranking.difference(task.name, name, task.best)),
            )
            for task in ranking.tasks
            for name in ranking.own
        ],
        f"Gains of {own}. {said}{counted(len(ranking.claims), 'comparison')}. {formulas}.",
    )
    rows: list[Sequence[str]] = []
    for name, (mean, half) in ranking.ranks.items():
        cells = (
            f"({_mean(task, name)})" if name == REFERENCE else _cell(*ranking.difference(task.name, name))
            for task in ranking.tasks
        )
        rows.append((_named(name), f"${mean:.1f} \\pm {half:.1f}$", *cells))
    second = _table(
        ("activation", "mean rank", *(_escaped(task.name) for task in ranking.tasks)),
        rows,
        f"Gains over {_named(REFERENCE)}. {said}{counted(len(ranking.others), 'comparison')}, for {own} "
        f"{len(ranking.claims)}.",
    )
    return f"{first}\n\n{second}\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    lines = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{{'l' * len(head)}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _cell(found: Comparison, shows: str) -> str:
    words = _number(found)
    if "diverged" in words:
        return words
    number = words.replace("±", r"\pm")
    return rf"$\mathbf{{{number}}}$" if shows == "better" else f"${number}$"


def _named(name: str) -> str:
    return rf"\texttt{{{_escaped(name)}}}"


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "_&%#$" else letter for letter in text)
