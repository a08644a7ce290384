"""Summary of replays as tables in markdown: where the bars stand, and what each ingredient is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scripts import terminal
from scripts.benchmarks.replay._compared import (
    BAR_COST,
    BASE,
    HALF,
    MIXTURE,
    ORACLE,
    OURS,
    PAIRED_BASE,
    RANDOM,
    SAMPLER,
    TENTH,
    compared,
)
from scripts.benchmarks.replay._tournament import Regrets, mean_difference, ratio_of_medians
from scripts.benchmarks.tables import Array

BAR, MISLED_BAR = 0.65, 1.1  # ratios of medians: to TPE's, and to random search's where distance misleads
Results = dict[str, dict[str, Regrets]]  # by table and strategy


def summary(results: Results, costs: Sequence[float]) -> str:
    """Return all tables of the page, and one for every table of trainings.

    Args:
        results: Regrets by table and strategy.
        costs: In full trainings, of the columns.
    """
    changes = [name for name, row in compared(MIXTURE).items() if row.once and name not in (HALF, TENTH)]
    others = [RANDOM, BASE, PAIRED_BASE, SAMPLER]
    parts = [bars(results), overview(results), added_by(others, results), noise(results)]
    parts.append(added_by(changes, results))
    return "\n".join([*parts, *(by_strategy(name, own, costs) for name, own in results.items())])


def bars(results: Results) -> str:
    """Return what the bars are about, bold where met: a ratio of medians, and a 90th percentile."""
    head = ["table", f"{OURS} to TPE", "90 %", "TPE's median", f"{OURS} to TPE, one seed"]
    head += [f"{SAMPLER} to TPE", "90 %", "oracle to TPE", f"{OURS} to random"]
    rows = []
    for name, members in groups(results).items():
        games = [results[member] for member in members]
        high = {strategy: "" for strategy in (OURS, SAMPLER)}
        median = ""
        if name in results:
            theirs = float(np.median(at_bar(games[0], BASE)))
            median = f"{theirs:.2f}"
            for strategy in high:
                own = float(np.quantile(at_bar(games[0], strategy), 0.9))
                high[strategy] = bold(f"{own:.2f}", own <= theirs)
        limit = MISLED_BAR if "adversarial" in name else 0.0
        cells = [name, ratio(games, OURS, BASE, BAR), high[OURS], median, ratio(games, OURS, PAIRED_BASE)]
        cells += [ratio(games, SAMPLER, BASE, BAR), high[SAMPLER], ratio(games, ORACLE, BASE)]
        rows.append([*cells, ratio(games, OURS, RANDOM, limit)])
    return terminal.markdown(head, rows) + "\n"


def overview(results: Results) -> str:
    """Return median (90th percentile) where the bar stands, of what plays at all costs."""
    chosen = [name for name, row in compared(MIXTURE).items() if not row.once]
    rows = [
        [name, *(shown(own, bar_cost(own)) if (own := regrets.get(one)) else "" for one in chosen)]
        for name, regrets in results.items()
    ]
    return terminal.markdown(["table", *chosen], rows) + "\n"


def noise(results: Results) -> str:
    """Return how the bars would stand if trainings were less noisy, bold where they were met."""
    known = {name: own for name, own in results.items() if {OURS, HALF, TENTH, BASE} <= set(own)}
    shown = (OURS, HALF, TENTH)
    columns = [*(f"{name} to TPE" for name in shown), *(f"90 %: {name}" for name in shown), "TPE's median"]
    rows = []
    for name, members in groups(known).items():
        games = [known[member] for member in members]
        cells = [ratio(games, strategy, BASE, BAR) for strategy in shown]
        if name in known:
            theirs = float(np.median(at_bar(games[0], BASE)))
            high = [float(np.quantile(at_bar(games[0], strategy), 0.9)) for strategy in shown]
            cells += [*(bold(f"{own:.2f}", own <= theirs) for own in high), f"{theirs:.2f}"]
        rows.append([name, *cells, *[""] * (len(columns) - len(cells))])
    return terminal.markdown(["table", *columns], rows) + "\n"


def added_by(changes: Sequence[str], results: Results) -> str:
    """Return what other strategies add to the mean regret of the search: with a paired 95 % interval."""
    rows = [
        [name, *(added([results[member] for member in members], change) for change in changes)]
        for name, members in groups(results).items()
    ]
    return terminal.markdown(["table", *changes], rows) + "\n"


def by_strategy(name: str, regrets: Mapping[str, Regrets], costs: Sequence[float]) -> str:
    """Return all strategies on one table: median (90th percentile) by cost, ratio of medians to TPE's."""
    rows = []
    for strategy in (strategy for strategy in compared(MIXTURE) if strategy in regrets):
        own = regrets[strategy]
        cells = [shown(own, cost) if cost in own.costs else "" for cost in costs]
        rows.append([strategy, *cells, ratio([regrets], strategy, BASE)])
    table = terminal.markdown(["strategy", *(f"{cost:g}" for cost in costs), "to TPE"], rows)
    return f"### {name}\n\n{table}\n"


def shown(own: Regrets, cost: float) -> str:
    """Return median and 90th percentile at a cost."""
    return f"{own.quantile(cost, 0.5):.2f} ({own.quantile(cost, 0.9):.2f})"


def at_bar(regrets: Mapping[str, Regrets], strategy: str) -> Array:
    """Return regrets where the bar stands, (R,)."""
    own = regrets[strategy]
    return own.at(bar_cost(own))


def bar_cost(own: Regrets) -> float:
    """Return the cost at which the bar stands, or the last that was played."""
    return BAR_COST if BAR_COST in own.costs else own.costs[-1]


def ratio(games: Sequence[Mapping[str, Regrets]], strategy: str, base: str, bar: float = 0.0) -> str:
    """Return the ratio of medians, summed over tables, with its interval; bold if not above a bar."""
    pairs = [(at_bar(own, strategy), at_bar(own, base)) for own in games if {strategy, base} <= set(own)]
    if len(pairs) < len(games) or any(np.isnan(ours).any() for ours, _ in pairs):
        return ""
    found, low, high = ratio_of_medians(
        [ours for ours, _ in pairs], [theirs[: len(ours)] for ours, theirs in pairs]
    )
    return bold(f"{found:.2f}", found <= bar) + f" [{low:.2f}, {high:.2f}]"


def bold(text: str, met: bool) -> str:
    """Mark what meets a bar."""
    return f"**{text}**" if met else text


def groups(results: Results) -> dict[str, list[str]]:
    """Return which tables are looked at together: those of development, those held out, and each."""
    stored = [name for name in results if not name.startswith("synthetic")]
    made = {
        "**of development**": [name for name in stored if not name.startswith("held out")],
        "**held out**": [name for name in stored if name.startswith("held out")],
    }
    return {name: own for name, own in made.items() if own} | {name: [name] for name in results}


def added(games: Sequence[Mapping[str, Regrets]], change: str) -> str:
    """Return the mean over tables of the difference in mean regret to the search."""
    if not all(change in own for own in games):
        return ""
    pairs = [(at_bar(own, change), at_bar(own, OURS)) for own in games]
    found, low, high = mean_difference([own - ours[: len(own)] for own, ours in pairs])
    return f"{found:+.2f} [{low:+.2f}, {high:+.2f}]"
