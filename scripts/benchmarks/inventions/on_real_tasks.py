"""Inventions on real tasks, against every registered activation, where they were found and elsewhere.

    python scripts/benchmarks/inventions/on_real_tasks.py --data-dir DIR [--results RUN] [--short]
        [--out runs/on_real_tasks] [--only digits wine ...] [--first-seed 0] [--seeds 10] [--budget 64]

On each task an activation is found in two ways, each for 64 trainings with the seeds from 5000 on. *shape*:
12 networks of ReLU learn a free shape, the four best on selection rows get a formula, these are trained on 13
seeds and the best one is taken. *evolution*: formulas are bred from formulas. Then each is trained in all
layers, on every task, beside every registered activation, on paired seeds that found nothing; losses are on
comparison rows, which chose nothing. --results takes what `results/measure.py` has kept of registered ones.
A run that was killed goes on with the same command; short ones are kept apart, in OUT/short. Prints the
tables of docs/invent.md.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks.invention import kept
from scripts.benchmarks.inventions import WAYS, Found, register, standings
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.results import Record, fixed_arms, stack_values
from scripts.benchmarks.results.measure import keep
from scripts.benchmarks.tables.tasks import TASKS, TableTask

REAL = ("digits", "abalone", "diabetes", "cancer")
SHORT_ARMS = ("relu", "tanh", "exp")


def main(arguments: Sequence[str] | None = None) -> None:
    """Find, train what is missing, and print the tables."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    tasks = {name: TASKS[name].shortened() if options.short else TASKS[name] for name in options.only}
    try:
        rows = {name: task.load(options.data_dir) for name, task in tasks.items()}
    except FileNotFoundError as error:
        sys.exit(f"{error}; name the folder that holds it with --data-dir")
    found = found_on(tasks, rows, options)
    arms = {name: register(each.formula) for name, each in found.items()}
    record = Record(options.out / "results.jsonl")
    known = Record(options.results / "results.jsonl") if options.results else record
    registered = SHORT_ARMS if options.short else fixed_arms()
    for name, task in tasks.items():
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            train(task, rows[name], {**{arm: arm for arm in registered}, **arms}, seed, record, known)
            print(f"{name}: seed {seed}", file=sys.stderr, flush=True)
    print(tables(record, found, registered))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    out = terminal.RUNS / "on_real_tasks"
    parser = terminal.parser(__doc__, short="3 registered ones, 2 epochs, 2 seeds", out=out)
    parser.add_argument("--data-dir", type=Path, default=Path(), help="folder of the data files")
    parser.add_argument("--results", type=Path, help="folder of a run of results/measure.py")
    parser.add_argument("--only", nargs="+", choices=REAL, default=REAL, metavar="TASK", help="these tasks")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=64, help="trainings of each way on each task")
    options = parser.parse_args(arguments)
    options.out = terminal.kept_in(options)
    if options.short:
        options.seeds, options.budget = 2, 32
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds} must be at least 2: an interval needs two")
    return options


def found_on(
    tasks: Mapping[str, TableTask], rows: Mapping[str, Rows], options: argparse.Namespace
) -> dict[str, Found]:
    """Return what was found on each task in each way, before or now."""
    options.out.mkdir(parents=True, exist_ok=True)
    found = {}
    for way, find in WAYS.items():
        for name, task in tasks.items():
            make = partial(find, task, rows[name], options.budget)
            file = options.out / f"{way}_{name}.json"
            found[f"{way}, {name}"] = Found(**kept(file, lambda make=make: asdict(make())))
            print(f"{way}, {name}: {found[f'{way}, {name}'].formula}", file=sys.stderr, flush=True)
    return found


def train(
    task: TableTask, rows: Rows, arms: Mapping[str, str], seed: int, record: Record, known: Record
) -> None:
    """Train the arms that neither record has; each has the same activation in all layers."""
    for arm in arms:
        line = known.line_of(task.name, arm, seed)
        if line is not None and not record.has(task.name, arm, seed):
            record.add(**line)
    todo = [arm for arm in arms if not record.has(task.name, arm, seed)]
    values = stack_values(task, rows, [[arms[arm]] * task.depth for arm in todo], seed) if todo else []
    for arm, (selection, comparison) in zip(todo, values, strict=True):
        keep(record, task.name, arm, seed, selection, comparison)


def tables(record: Record, found: Mapping[str, Found], registered: Sequence[str]) -> str:
    """Return what was found, and how it stands on every task."""
    tasks = record.tasks()
    stands = standings(record, list(found), registered)
    first = [(arm, f"`{each.formula}`", each.trainings) for arm, each in found.items()]
    second = [(arm, *(stands[arm, task].cell() for task in tasks)) for arm in found]
    best = ("best registered", *(stands[next(iter(found)), task].best for task in tasks))
    gains = sum(each.gain > each.half for each in stands.values())
    return "\n\n".join(
        [
            terminal.markdown(("found by, on", "formula", "trainings"), first, "llr"),
            terminal.markdown(("found by, on", *tasks), [best, *second], "l" * (1 + len(tasks))),
            f"{gains} of {len(stands)} gains over the best registered activation are above chance"
            + ("" if gains else ": no gain")
            + ".",
        ]
    )


if __name__ == "__main__":
    main()
