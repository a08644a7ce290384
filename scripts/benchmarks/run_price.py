"""Price of a run: processor time of everything, in trainings of the original model in a bare loop.

    python scripts/benchmarks/run_price.py [CASE ...] [--stack off auto 32] [--data-dir DIR]
        [--repetitions 3] [--trainings N] [--arithmetic] [--short]

One run of budget 20 with baselines and a confirmation of ten seeds at one look, on one thread. Bare loops
take turns with its trainings; their median is the unit. `--stack` makes a run for each of these settings, in
turns. `--trainings N` leaves out the runs and compares N
silent trainings of the original model with as many bare loops, in turns. `--arithmetic` leaves them out, too,
and tells what products, activations, losses and optimizer take of a stack of 30: the least that a run whose
trainings were all in such stacks would cost, if all else were free. `--data-dir` has winequality-white.csv.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoact import run_search
from autoact.training import split, train
from scripts import terminal
from scripts.benchmarks.price import BARE, CASES, Case, Meter, arithmetic, clock, metered, train_bare, wine

EVERY = 8  # trainings of a run after which there is a bare loop
TRAININGS = 75  # of a run
PHASES = ("trial", "baseline", "selection", "confirmation")
SETTINGS: dict[str, Any] = {
    "budget": 20,
    "seeds": 10,
    "looks": (10,),
    "quiet": True,
    "monitor": "val_loss",
    "mode": "min",
}
SHORT: dict[str, Any] = {**SETTINGS, "budget": 2, "seeds": 2, "looks": (2,), "space": ["relu", "tanh"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the cases and print a table; 2 where one is unknown or lacks its data."""
    parser = terminal.parser(__doc__, short="one run of each case with hardly any trainings")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join([*CASES, 'wine'])}")
    parser.add_argument("--data-dir", type=Path, help="folder with winequality-white.csv")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--stack", nargs="+", default=["off", "auto"], help="off, auto, or sizes")
    parser.add_argument("--trainings", type=int, help="only compare this many trainings with bare loops")
    parser.add_argument("--arithmetic", action="store_true", help="only tell what of a stack is arithmetic")
    options = parser.parse_args(arguments)
    known = {**CASES} | ({"wine": lambda: wine(options.data_dir)} if options.data_dir else {})
    if unknown := set(options.cases) - set(known):
        print(f"No case {', '.join(sorted(unknown))}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    print(*terminal.machine().values(), f"torch {torch.__version__}", sep=", ")
    for name in options.cases or known:
        print(f"\n{name}")
        case = known[name]()
        train_bare(case)
        if options.trainings:
            print(alone(case, options.trainings))
        elif options.arithmetic:
            print(terminal.markdown(*least(case, 1 if options.short else SETTINGS["seeds"])))
        else:
            repetitions = 1 if options.short else options.repetitions
            print(terminal.markdown(*whole(case, repetitions, options.stack, options.short)))
    return 0


def alone(case: Case, number: int) -> str:
    """Compare silent trainings of the original model with bare loops, in turns; return the result in words.

    Args:
        case: The case.
        number: Of each.
    """
    parts, bare, silent = split(case.data), [], []
    for seed in range(number + 1):
        start = clock()
        train(case.model, parts, seed=seed, monitor="val_loss", trainer=case.trainer)
        silent.append(clock() - start)
        start = clock()
        train_bare(case, seed)
        bare.append(clock() - start)
    unit, cost = median(bare[1:]), median(silent[1:])  # the first ones warm up
    return f"a training {cost * 1e3:.0f} ms, a bare loop {unit * 1e3:.0f} ms: {cost / unit:.2f} times"


def least(case: Case, seeds: int) -> tuple[list[str], list[list[str]]]:
    """Measure the arithmetic of a stack, and return a table: of one training, and of as many as a run has.

    Args:
        case: The case.
        seeds: Of each of the three arms of the stack.
    """
    bare = []
    for seed in range(3):
        start = clock()
        train_bare(case, seed)
        bare.append(clock() - start)
    costs = {name: seconds / median(bare) for name, seconds in arithmetic(case, seeds)}
    head = ["in bare loops", "a training", f"{TRAININGS} trainings"]
    return head, [[name, f"{cost:.3f}", f"{cost * TRAININGS:.1f}"] for name, cost in costs.items()]


def whole(
    case: Case, repetitions: int, stacks: Sequence[str], short: bool
) -> tuple[list[str], list[list[str]]]:
    """Run the search of a case, and return a table: parts of its price in bare loops, a column per run.

    Args:
        case: The case.
        repetitions: Runs with each setting.
        stacks: Settings of `stack`.
        short: Whether a run has hardly any trainings.
    """
    meters = [once(case, stack, short) for _ in range(repetitions) for stack in stacks]
    columns = [dict(rows(meter)) for meter in meters]
    names = dict.fromkeys(name for column in columns for name in column)
    head = ["in bare loops", *(f"stack {stack}" for _ in range(repetitions) for stack in stacks)]
    return head, [[name, *(column.get(name, "-") for column in columns)] for name in names]


def once(case: Case, stack: str, short: bool) -> Meter:
    """Return the meter of one run."""
    how = int(stack) if stack.isdecimal() else stack
    settings = {**(SHORT if short else SETTINGS), "trainer": case.trainer, "stack": how}
    bare, every = (lambda: train_bare(case)), 4 if short else EVERY
    with tempfile.TemporaryDirectory() as folder, metered(bare, every) as meter:
        run_search(case.model, case.data, out=Path(folder) / "run", **settings)
    return meter


def rows(meter: Meter) -> Iterator[tuple[str, str]]:
    """Give the price of a run and its parts; a training by itself in brackets."""
    unit = median(meter.times[BARE])
    spent = {name: sum(times) / unit for name, times in meter.times.items() if name != BARE}
    yield "bare loop [ms]", f"{unit * 1e3:.0f}"
    yield "whole run", f"{sum(spent.values()):.1f}"
    yield "trainings", str(sum(meter.trainings[phase] for phase in PHASES))
    for name, cost in sorted(spent.items(), key=lambda item: -item[1]):
        each = f" ({cost / meter.trainings[name]:.2f} each)" if name in PHASES else ""
        yield name, f"{cost:.1f}{each}"


if __name__ == "__main__":
    raise SystemExit(main())
