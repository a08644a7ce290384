"""Train every assignment of a small network with several seeds; store what each reaches along the way.

    python scripts/benchmarks/tables/build.py --table digits --out docs/benchmarks/tables [--data-dir DIR]
        [--seeds 10] [--workers 2] [--most 150] [--curves constant|decaying] [--short]

Tables: digits, digits4, diabetes (scikit-learn's data), friedman, spirals, clusters (synthetic); wine,
alcohol, wine5 (winequality-white.csv), abalone, sex (abalone.csv), cifar (cifar10_15k.npz), cora (cora.npz).
Alcohol, cora, wine5, spirals, sex and clusters are held out: they belong into
docs/benchmarks/tables/held_out. NAME_half is the smaller task of an earlier search:
docs/benchmarks/experience.md. With `--curves` a table has a value per epoch and what averaged weights
reach, at a constant learning rate or one that falls to 0 as a half cosine: docs/benchmarks/readouts.md.
A run that was killed goes on where it stopped: finished pieces lie in OUT/.NAME-<settings>/ until the table
is whole.
"""

import argparse
import hashlib
import itertools
import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks.networks import train_stack
from scripts.benchmarks.tables import SearchTable
from scripts.benchmarks.tables.tasks import TASKS, TableTask

SCRIPT = "scripts/benchmarks/tables/build.py"
BITS = 12  # of every stored number: 1 in 8,000, far below the differences between seeds
STACKED = 64  # networks trained side by side: more do not stay in the cache
Piece = tuple[int, int]  # seed, number of the first assignment


def assignments(task: TableTask) -> list[tuple[str, ...]]:
    """Return all of them, the last layer running fastest."""
    return list(itertools.product(task.candidates, repeat=task.depth))


def pieces(task: TableTask, seeds: int) -> list[Piece]:
    """Return all pieces of a table."""
    starts = range(0, len(assignments(task)), STACKED)
    return [(seed, start) for seed in range(seeds) for start in starts]


def file_of(folder: Path, piece: Piece) -> Path:
    """Return where a piece is kept."""
    return folder / f"{piece[0]}-{piece[1]}.npz"


def work(task: TableTask, data_dir: Path, folder: Path, todo: list[Piece], parent: int) -> None:
    """Train pieces and write each whole or not at all; stop when the process `parent` is gone."""
    rows, every = task.load(data_dir), assignments(task)
    for seed, start in todo:
        if os.getppid() != parent:
            return
        found = train_stack(task.sizes, every[start : start + STACKED], seed, rows, task.regime)
        target = file_of(folder, (seed, start))
        partial = target.with_suffix(f".{os.getpid()}.partial.npz")
        averaged: dict[str, Any] = {} if found.averaged is None else {"averaged": found.averaged.numpy()}
        np.savez(partial, selection=found.selection.numpy(), comparison=found.comparison.numpy(), **averaged)
        partial.replace(target)


def work_beside_others(*arguments: Any) -> None:
    """Work with one thread: there is one process per core."""
    torch.set_num_threads(1)
    work(*arguments)


def task_of(options: argparse.Namespace) -> TableTask:
    """Return the task that was asked for."""
    task = TASKS[options.table]
    if options.short:
        task = task.shortened()
    if options.most:
        task = task.thinned(options.most)
    return task.read_out(options.curves == "decaying") if options.curves else task


def train_all(task: TableTask, options: argparse.Namespace, folder: Path) -> None:
    """Have the workers train what is missing, and say how far they are."""
    every = pieces(task, options.seeds)
    todo = [piece for piece in every if not file_of(folder, piece).exists()]
    shared = (task, options.data_dir, folder)
    if options.workers == 1:
        return work(*shared, todo, os.getppid())
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(
            target=work_beside_others, args=(*shared, todo[i :: options.workers], os.getpid()), daemon=True
        )
        for i in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        done = sum(file_of(folder, piece).exists() for piece in every)
        print(f"{task.name}: {done} of {len(every)} pieces", file=sys.stderr, flush=True)
        for worker in workers:
            worker.join(2.0)
    if any(worker.exitcode != 0 for worker in workers):
        sys.exit(f"{task.name}: a worker failed; its error is above, and the same command goes on from here")


def assembled(task: TableTask, options: argparse.Namespace, folder: Path) -> SearchTable:
    """Put the pieces together."""
    grid = (options.seeds, *(len(task.candidates),) * task.depth)
    loaded = [dict(np.load(file_of(folder, piece))) for piece in pieces(task, options.seeds)]
    measured = task.regime.measured
    return SearchTable(
        name=task.name,
        layers=tuple(f"layer{number}" for number in range(task.depth)),
        candidates=(task.candidates,) * task.depth,
        fractions=tuple(epoch / task.regime.epochs for epoch in measured),
        selection=rounded(loaded, "selection").reshape(*grid, len(measured)),
        comparison=rounded(loaded, "comparison").reshape(grid),
        mode="min",
        priors={},
        about=about(task, options),
        averaged=rounded(loaded, "averaged").reshape(*grid, 2) if "averaged" in loaded[0] else None,
    )


def rounded(loaded: list[dict[str, Any]], part: str) -> NDArray[np.float64]:
    """Return one part of all pieces, rounded to BITS: the file becomes a third smaller."""
    mantissa, exponent = np.frexp(np.concatenate([piece[part] for piece in loaded]).astype(np.float64))
    return np.ldexp(np.round(mantissa * 2**BITS) / 2**BITS, exponent)


def about(task: TableTask, options: argparse.Namespace) -> dict[str, str]:
    """Return what a table says of its trainings."""
    regime, chosen = task.regime, ""
    lr = f"{regime.lr:g}" + (" falling to 0 as a half cosine" if regime.decays else "")
    for name in ("most", "curves"):
        if value := getattr(options, name):
            chosen += f" --{name} {value}"
    return {
        "data": task.data,
        "metric": "validation loss: cross entropy, or squared error in variances of the target",
        "network": "linear layers of sizes " + "-".join(map(str, task.sizes)),
        "training": f"Adam, lr {lr}, batches of {regime.batch_size}, {regime.epochs} epochs",
        "command": f"python {SCRIPT} --table {task.name} --seeds {options.seeds}{chosen}",
        "versions": f"torch {torch.__version__}, numpy {np.__version__}",
        **terminal.machine(),
    }


def settings_of(task: TableTask) -> str:
    """Return a short hash of all that a piece depends on but its seed."""
    told = repr((task.sizes, task.candidates, task.regime, STACKED, torch.__version__))
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="3 candidates and 2 epochs, to try the script")
    parser.add_argument("--table", required=True, choices=sorted(TASKS))
    parser.add_argument("--out", required=True, type=Path, help="folder that NAME.npz is written to")
    parser.add_argument("--data-dir", type=Path, default=Path(), help="folder of the data files")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--most", type=int, help="assignments: fewer candidates per layer, evenly chosen")
    parser.add_argument("--curves", choices=("constant", "decaying"), help="learning rate; a value per epoch")
    options = parser.parse_args(arguments)
    depth = TASKS[options.table].depth
    if options.most is not None and options.most < 2**depth:
        parser.error(f"--most {options.most} must be at least {2**depth}: two candidates in {depth} layers")
    if min(options.seeds, options.workers) < 1:
        parser.error(f"--seeds {options.seeds} and --workers {options.workers} must be at least 1")
    options.out = terminal.kept_in(options)
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Build a table, or say in one line what is missing."""
    options = parsed(arguments)
    task = task_of(options)
    try:
        task.load(options.data_dir)
    except FileNotFoundError as error:
        sys.exit(f"{error}; name the folder that holds it with --data-dir")
    folder = options.out / f".{task.name}-{settings_of(task)}"
    folder.mkdir(parents=True, exist_ok=True)
    train_all(task, options, folder)
    target = options.out / f"{task.name}.npz"
    assembled(task, options, folder).save(target)
    shutil.rmtree(folder)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
