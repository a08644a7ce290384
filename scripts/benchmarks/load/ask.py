"""Time what FunctionSpaceSampler takes to suggest one trial, by size of the space and number of trials.

    python scripts/benchmarks/load/ask.py [--trials 500,3000] [--running 0,8] [--short]

Median processor and wall time of five asks, each with all its suggestions, after one that reads the trials.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import optuna

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.activations import list_activations
from autoact.search.optimizer import FunctionSpaceSampler
from scripts import terminal

SIZES = ((2, 2), (3, 8), (10, 20), (100, 40))  # layers, candidates


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per space, number of trials and number of running ones."""
    parser = terminal.parser(__doc__, short="20 trials: shows that it runs")
    parser.add_argument("--trials", default="500,3000", help="finished trials of the study")
    parser.add_argument("--running", default="0,8", help="trials that run at the same time")
    options = parser.parse_args(arguments)
    print("layers  candidates  trials  running  processor     wall")
    for layers, candidates in SIZES:
        for trials in [20] if options.short else map(int, options.trials.split(",")):
            for running in map(int, options.running.split(",")):
                processor, wall = measured(layers, candidates, trials, running)
                print(
                    f"{layers:6}  {candidates:10}  {trials:6}  {running:7}  {processor:7.3f} s  {wall:5.3f} s"
                )
    return 0


def measured(layers: int, candidates: int, trials: int, running: int) -> tuple[float, float]:
    """Return the median seconds of one ask: processor time, wall time."""
    names = list_activations()[:candidates]
    space: dict[str, optuna.distributions.BaseDistribution] = {
        f"layer{i}": optuna.distributions.CategoricalDistribution(names) for i in range(layers)
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    rng = np.random.default_rng(0)
    for _ in range(trials):
        drawn = {name: names[rng.integers(len(names))] for name in space}
        value = float(rng.standard_normal())
        study.add_trial(optuna.trial.create_trial(params=drawn, distributions=space, value=value))
    for _ in range(running):
        suggested(study, names, layers)
    times = []
    for _ in range(6):
        began = time.process_time(), time.perf_counter()
        trial = suggested(study, names, layers)
        times.append((time.process_time() - began[0], time.perf_counter() - began[1]))
        study.tell(trial, float(rng.standard_normal()))
    return median(took for took, _ in times[1:]), median(took for _, took in times[1:])


def suggested(study: optuna.Study, names: Sequence[str], layers: int) -> optuna.Trial:
    """Return a new trial with all its suggestions."""
    trial = study.ask()
    for layer in range(layers):
        trial.suggest_categorical(f"layer{layer}", list(names))
    return trial


if __name__ == "__main__":
    sys.exit(main())
