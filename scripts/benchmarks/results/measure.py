"""Measure every fixed activation, the trained mixture and the searched assignment on nine real tasks.

    python scripts/benchmarks/results/measure.py --data-dir DIR [--out runs/results] [--first-seed 0]
        [--seeds 10] [--only digits wine ...] [--picture FILE] [--short]
    python scripts/benchmarks/results/measure.py --agree runs/results runs/results-again

All arms of a task start from the same weights and see the same batches by seed; losses are on comparison
rows, which nothing was chosen by. A run that was killed goes on with the same command; short runs are kept
apart, in OUT/short. `--agree` compares two runs with different seeds. Prints the tables of docs/results.md.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.spaces import Choice
from scripts import terminal
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.results import (
    MIXTURE,
    SEARCHED,
    Record,
    agreement,
    draw,
    every_fixed,
    fixed_arms,
    markdown,
    mixture_value,
    search,
    stack_values,
)
from scripts.benchmarks.tables.tasks import TASKS, TableTask

REAL = ("digits", "wine", "alcohol", "abalone", "sex", "diabetes", "cancer", "cifar", "cora")
SHORT_ARMS = ("relu", "tanh", "gelu")


def stored(value: float) -> float | None:
    """Return a loss as it is kept: None where the training diverged."""
    return value if math.isfinite(value) else None


def train(task: TableTask, rows: Rows, record: Record, options: argparse.Namespace) -> None:
    """Train what is missing of a task."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    fixed = SHORT_ARMS if options.short else fixed_arms()
    if record.search_of(task.name) is None:
        folder = options.out / "searches" / task.name
        budget = {"budget": 2} if options.short else {}
        record.add(task=task.name, search=search(task, rows, folder, options.first_seed, **budget))
    found = record.search_of(task.name)
    assert found is not None
    arms: dict[str, Sequence[str | Choice]] = {name: [name] * task.depth for name in fixed}
    arms[SEARCHED] = [Choice.from_dict(one) for one in found["choice"]]
    for seed in seeds:
        todo = [arm for arm in arms if not record.has(task.name, arm, seed)]
        values = stack_values(task, rows, [arms[arm] for arm in todo], seed) if todo else []
        for arm, (selection, comparison) in zip(todo, values, strict=True):
            keep(record, task.name, arm, seed, selection, comparison)
        if not record.has(task.name, MIXTURE, seed):
            keep(record, task.name, MIXTURE, seed, *mixture_value(task, rows, seed))
        print(f"{task.name}: seed {seed}", file=sys.stderr, flush=True)


def keep(record: Record, task: str, arm: str, seed: int, selection: float, comparison: float) -> None:
    """Add a training to the record."""
    record.add(task=task, arm=arm, seed=seed, selection=stored(selection), comparison=stored(comparison))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(
        __doc__, short="3 activations, 2 epochs, 2 seeds, a search of 2", out=terminal.RUNS / "results"
    )
    parser.add_argument("--data-dir", type=Path, default=Path(), help="folder of the data files")
    parser.add_argument("--only", nargs="+", choices=REAL, default=REAL, metavar="TASK", help="these tasks")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="where the ranks are drawn")
    parser.add_argument("--agree", nargs=2, type=Path, metavar="RUN", help="compare two runs")
    options = parser.parse_args(arguments)
    options.out = terminal.kept_in(options)
    if options.short:
        options.seeds = 2
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds} must be at least 2: an interval needs two")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, and print the tables."""
    options = parsed(arguments)
    if options.agree:
        inside, cells, others = agreement(*(Record(run / "results.jsonl") for run in options.agree))
        print(f"{inside} of {cells} intervals of differences contain 0 ({inside / cells:.1%})")
        print("\n".join(others))
        return
    torch.set_num_threads(1)
    record = Record(options.out / "results.jsonl")
    for name in options.only:
        task = TASKS[name]
        if options.short:
            task = replace(task.shortened(), candidates=SHORT_ARMS[:2])
        try:
            rows = task.load(options.data_dir)
        except FileNotFoundError as error:
            sys.exit(f"{error}; name the folder that holds it with --data-dir")
        train(task, rows, record, options)
    print(markdown(record), every_fixed(record), sep="\n\n")
    if options.picture:
        draw(record).savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
