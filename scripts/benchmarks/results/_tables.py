"""Tables of the results: differences to ReLU with intervals over paired seeds, cost, verdict."""

import numpy as np
from scipy.stats import t as student

from autoact.ranking import ranks as ranked
from autoact.spaces import Choice
from scripts import terminal
from scripts.benchmarks.results._arms import MIXTURE, ORIGINAL, SEARCHED
from scripts.benchmarks.results._record import Record, Values

LEVEL = 0.95


def half_width(differences: np.ndarray) -> float:
    """Return half of the 95 % interval of a mean over seeds; NaN where a training diverged."""
    n = len(differences)
    return float(student.ppf((1 + LEVEL) / 2, n - 1) * differences.std(ddof=1) / np.sqrt(n))


def gain(values: Values, arm: str) -> str:
    """Return how much less an arm loses than ReLU, mean and half width over paired seeds.

    Args:
        values: Of one task.
        arm: One of them.
    """
    differences = values[ORIGINAL] - values[arm]
    if not np.isfinite(differences).all():
        return f"{int((~np.isfinite(differences)).sum())} of {len(differences)} diverged"
    mean, half = differences.mean(), half_width(differences)
    cell = f"{mean:+.4f} ± {half:.4f}"
    return f"**{cell}**" if mean - half > 0 else cell


def best_fixed(selection: Values) -> str:
    """Return the fixed activation with the least mean loss on selection rows."""
    means = {arm: values.mean() for arm, values in selection.items() if arm not in (MIXTURE, SEARCHED)}
    return min((arm for arm in means if np.isfinite(means[arm])), key=lambda arm: means[arm])


def ranks(values: Values) -> dict[str, float]:
    """Return the rank of each arm by its mean loss, 1 for the best; those that diverged are last."""
    return dict(zip(values, ranked(np.array([v.mean() for v in values.values()])).tolist(), strict=True))


def markdown(record: Record) -> str:
    """Return the main table: tasks by arms."""
    rows = []
    for task in record.tasks():
        values, selection = record.values(task), record.values(task, "selection")
        best, found = best_fixed(selection), record.search_of(task) or {}
        verdict = found.get("verdict", "")
        rows.append(
            (
                task,
                f"{values[ORIGINAL].mean():.4f}",
                f"{best}: {gain(values, best)}",
                gain(values, MIXTURE),
                gain(values, SEARCHED) if SEARCHED in values else "",
                " · ".join(str(Choice.from_dict(one)) for one in found.get("choice", ())),
                verdict,
                f"{found['trainings']:.0f}, {found['seconds']:.0f} s" if found else "",
            )
        )
    head = ("task", "ReLU", "best fixed", MIXTURE, SEARCHED, "chosen", "verdict", "cost of the search")
    return terminal.markdown(head, rows, "lrllllll")


def every_fixed(record: Record) -> str:
    """Return a table of all fixed activations: mean rank, best and worst rank, by tasks."""
    by_task = {task: ranks(_fixed(record.values(task))) for task in record.tasks()}
    arms = sorted(next(iter(by_task.values())), key=lambda arm: np.mean([r[arm] for r in by_task.values()]))
    rows = [
        (
            arm,
            f"{np.mean([r[arm] for r in by_task.values()]):.1f}",
            *(f"{r[arm]:g}" for r in by_task.values()),
        )
        for arm in arms
    ]
    return terminal.markdown(("activation", "mean rank", *by_task), rows)


def _fixed(values: Values) -> Values:
    return {arm: v for arm, v in values.items() if arm not in (MIXTURE, SEARCHED)}


def agreement(first: Record, second: Record) -> tuple[int, int, list[str]]:
    """Compare two runs with different seeds.

    Args:
        first: A run.
        second: Another one of the same tasks and arms.

    Returns:
        Cells whose 95 % interval of the difference between the runs contains 0, cells, and the others' names.
    """
    inside, others, cells = 0, [], 0
    for task in first.tasks():
        one, two = first.values(task), second.values(task)
        for arm in one.keys() & two.keys():
            if not (np.isfinite(one[arm]).all() and np.isfinite(two[arm]).all()):
                continue
            cells += 1
            if _contains_zero(one[arm], two[arm]):
                inside += 1
            else:
                others.append(f"{task}, {arm}")
    return inside, cells, sorted(others)


def _contains_zero(one: np.ndarray, two: np.ndarray) -> bool:
    """Welch's interval of a difference of means."""
    a, b = one.var(ddof=1) / len(one), two.var(ddof=1) / len(two)
    if a + b == 0:
        return bool(one.mean() == two.mean())
    freedom = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(two) - 1))
    return bool(abs(one.mean() - two.mean()) <= student.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(a + b))
