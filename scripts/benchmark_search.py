"""Replay search strategies on tables of trainings: regret against cost, and what each ingredient is worth.

    python scripts/benchmark_search.py [--tables DIR] [--repetitions 200] [--costs 5,10,20,40] [--workers 2]
        [--prior NAME] [--without-synthetic] [--short] [--json FILE] [--markdown FILE] [--figure FILE]

A regret of 0 is the best assignment of a table, 1 the median one, by the mean over all seeds of the table.
Costs are in full trainings, and include what a prior costs. `--tables` takes any folder of tables in the
format of `autoact.search.tables.SearchTable`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from autoact.search import replay, tables
from autoact.search.replay import MeanOf, Regrets, Rungs, Strategy
from autoact.search.replay.tournament import TableOf

ROOT = Path(__file__).resolve().parent.parent
OURS, BASE, RANDOM = "autoact", "TPE, best trial", "random, best trial"
BAR_COST = 20.0  # at which ingredients are compared and the bar stands
SLOW = 20  # repetitions of what takes seconds each
DISTANCE = frozenset({"smooth", "smooth interactions"})
INTERACTIONS = frozenset({"smooth interactions", "free interactions"})
SYNTHETIC = ("additive", "planted", "adversarial", "misleading_start")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    costs = [float(cost) for cost in options.costs.split(",")]
    repetitions = 4 if options.short else options.repetitions
    found = find_tables(Path(options.tables), synthetic=not options.without_synthetic)
    if not found:
        print(f"{options.tables} holds no .npz table and synthetic ones are left out.", file=sys.stderr)
        return 2
    with processes(options.workers) as executor:
        results = {
            name: run(name, table, options.prior, costs, repetitions, executor)
            for name, table in found.items()
        }
    write(results, costs, options)
    return 0


def processes(workers: int) -> AbstractContextManager[Executor | None]:
    """Return where to play: processes of one thread each, or here if one is enough."""
    if workers == 1:
        return nullcontext()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    return ProcessPoolExecutor(workers, mp_context=get_context("forkserver"))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Replay search strategies on tables of trainings.")
    parser.add_argument("--tables", default=str(ROOT / "docs" / "benchmarks" / "tables"))
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--costs", default="5,10,20,40")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--prior", help="name of the tables' prior that the search uses; none by default")
    parser.add_argument("--without-synthetic", action="store_true")
    parser.add_argument("--short", action="store_true", help="four repetitions: shows that everything runs")
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    parser.add_argument("--figure")
    return parser.parse_args(arguments)


def find_tables(folder: Path, synthetic: bool) -> dict[str, TableOf]:
    """Return what gives the table of a repetition, by name; a synthetic one is another problem every time."""
    stored = {path.stem: partial(stored_table, str(path)) for path in sorted(folder.glob("*.npz"))}
    made = {f"{name} (synthetic)": partial(synthetic_table, name) for name in SYNTHETIC}
    return {**stored, **(made if synthetic else {})}


@lru_cache(maxsize=4)
def load(path: str) -> tables.SearchTable:
    return tables.SearchTable.load(path)


def stored_table(path: str, repetition: int) -> tables.SearchTable:
    return load(path)


@lru_cache(maxsize=4)
def synthetic_table(name: str, repetition: int) -> tables.SyntheticTable:
    made: tables.SyntheticTable = getattr(tables, name)(repetition)
    return made


def strategies(prior: str | None) -> dict[str, tuple[Strategy, bool]]:
    """Return all strategies by name, and whether each is played at one cost only."""
    always: dict[str, Strategy] = {
        RANDOM: replay.random_search,
        BASE: replay.tpe,
        "FunctionSpaceSampler": replay.function_space,
        OURS: Rungs(prior=prior),
        **{f"best mean of {repeats}": MeanOf(repeats) for repeats in (2, 3)},
    }
    once: dict[str, Strategy] = {
        "Optuna GP, best trial": replay.gaussian_process,
        "without short trainings": Rungs(prior=prior, short=False),
        "without distance": Rungs(prior=prior, without=DISTANCE),
        "without interactions": Rungs(prior=prior, without=INTERACTIONS),
        "without posterior mean": Rungs(prior=prior, posterior=False),
    }
    if prior is not None:
        once["without prior"] = Rungs()
    return {name: (own, False) for name, own in always.items()} | {
        name: (own, True) for name, own in once.items()
    }


def run(
    name: str,
    table: TableOf,
    prior: str | None,
    costs: list[float],
    repetitions: int,
    executor: Executor | None,
) -> dict[str, Regrets]:
    regrets = {}
    for strategy, (own, once) in strategies(prior).items():
        started = time.perf_counter()
        at = [cost for cost in costs if cost == BAR_COST] or costs[-1:] if once else costs
        count = min(repetitions, SLOW) if "Optuna GP" in strategy else repetitions
        regrets[strategy] = replay.play(table, own, at, count, executor)
        print(f"{name}: {strategy}, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return regrets


def write(
    results: Mapping[str, Mapping[str, Regrets]], costs: list[float], options: argparse.Namespace
) -> None:
    text = "\n".join(markdown(name, regrets, costs) for name, regrets in results.items())
    print(text)
    if options.markdown:
        Path(options.markdown).write_text(text, encoding="utf-8")
    if options.json:
        Path(options.json).write_text(json.dumps(as_json(results), indent=1), encoding="utf-8")
    if options.figure:
        draw(results).savefig(options.figure, bbox_inches="tight")


def markdown(name: str, regrets: Mapping[str, Regrets], costs: list[float]) -> str:
    head = [f"### {name}", "", "| strategy | " + " | ".join(f"{cost:g}" for cost in costs) + " | to TPE |"]
    rows = [row(strategy, own, regrets[BASE], costs) for strategy, own in regrets.items()]
    return "\n".join([*head, "|---" * (len(costs) + 2) + "|", *rows, ""])


def row(strategy: str, own: Regrets, base: Regrets, costs: list[float]) -> str:
    """Return one line: median (90th percentile) by cost, and the ratio of medians to TPE's."""
    cells = [
        f"{own.quantile(cost, 0.5):.2f} ({own.quantile(cost, 0.9):.2f})" if cost in own.costs else ""
        for cost in costs
    ]
    at = BAR_COST if BAR_COST in own.costs else own.costs[-1]
    theirs = base.at(at)[: len(own.values)]
    ratio, low, high = replay.ratio_of_medians(own.at(at), theirs)
    return f"| {strategy} | " + " | ".join(cells) + f" | {ratio:.2f} [{low:.2f}, {high:.2f}] |"


def as_json(results: Mapping[str, Mapping[str, Regrets]]) -> dict[str, Any]:
    return {
        table: {
            strategy: {f"{cost:g}": own.at(cost).round(4).tolist() for cost in own.costs}
            for strategy, own in regrets.items()
        }
        for table, regrets in results.items()
    }


def draw(results: Mapping[str, Mapping[str, Regrets]]) -> Figure:
    """Draw medians against cost, one plot per table."""
    columns = min(4, len(results))
    lines = -(-len(results) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.9 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for plot, (name, regrets) in zip(axes, results.items(), strict=False):
        for strategy, own in regrets.items():
            if len(own.costs) > 1:
                medians = [own.quantile(cost, 0.5) for cost in own.costs]
                width = 2.4 if strategy == OURS else 1.1
                plot.plot(own.costs, medians, marker="o", markersize=3, linewidth=width, label=strategy)
        plot.set_title(name, fontsize=9)
        plot.set_xscale("log")
        plot.set_ylim(bottom=0)
        plot.set_xticks(own_costs(regrets), [f"{cost:g}" for cost in own_costs(regrets)])
        plot.minorticks_off()
        plot.set_xlabel("cost in full trainings", fontsize=8)
        plot.set_ylabel("regret, median", fontsize=8)
    for plot in axes[len(results) :]:
        plot.set_axis_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def own_costs(regrets: Mapping[str, Regrets]) -> tuple[float, ...]:
    return max((own.costs for own in regrets.values()), key=len)


if __name__ == "__main__":
    sys.exit(main())
