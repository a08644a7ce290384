"""Form of gated blocks: gated, or plain with as many parameters, each with what a search finds.

    python scripts/benchmarks/results/block_form.py [--trials 6] [--seeds 10] [--short]

A residual network of two SwiGLU blocks on the digits of scikit-learn, and the same with `conversion.ungated`.
Each form is searched at equal cost; what both find, and both forms with the model's own SiLU, are trained on
fresh paired seeds and compared on images that no search has seen. The verdict is on the form that is better
in the searches, against the model as it was.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact import Assignment
from autoact.conversion import find_layers, ungated
from autoact.search.statistics import compare
from scripts import terminal
from scripts.benchmarks.results.transfer import FIRST_SEED, Searcher, Task, digits, interval, names, trained

CANDIDATES = ["silu", "relu", "gelu", "elu", "tanh", "sigmoid", "identity", "relu_squared"]


class Block(nn.Module):
    """A SwiGLU block."""

    def __init__(self, width: int = 24, hidden: int = 32) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.act, self.down = nn.SiLU(), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return down(silu(gate(x)) * up(x))."""
        return self.down(self.act(self.gate(x)) * self.up(x))


class Residual(nn.Module):
    """A block whose result is added to what comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: Tensor) -> Tensor:
        """Return x with what the block adds."""
        return x + self.block(x)


def gated() -> nn.Module:
    """Return the model as it is."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 24), Residual(), Residual(), nn.Linear(24, 10))


def plain() -> nn.Module:
    """Return the model with plain blocks of as many parameters."""
    return ungated(gated())


FORMS = {"gated": gated, "plain": plain}


def measured(task: Task, trials: int, seeds: int, folder: Path) -> tuple[list[tuple[str, ...]], str]:
    """Search both forms and compare; return the rows of a table, and the verdict."""
    searcher = Searcher(task, trials, folder, tuple(CANDIDATES))
    own = Assignment(find_layers(gated(), CANDIDATES).layers)
    arms: dict[str, tuple[Callable[[], Any], Assignment]] = {}
    searched: dict[str, float] = {}
    for form, make in FORMS.items():
        found, _ = searcher.search(make, form)
        arms |= {form: (make, own), f"{form}, searched": (make, found.assignment)}
        searched[form] = sum(found.report["confirmation"]["selection"])
    losses = {
        name: [
            trained(choice, FIRST_SEED + number, 1.0, task=task, make=make, part="compare")
            for number in range(seeds)
        ]
        for name, (make, choice) in arms.items()
    }
    rows: list[tuple[str, ...]] = [
        (name, f"{sum(losses[name]) / seeds:.4f}", interval(losses[name], losses["gated"]), names(choice))
        for name, (_, choice) in arms.items()
    ]
    form = min(searched, key=lambda each: searched[each])
    verdict = compare(losses[f"{form}, searched"], losses["gated"], "min").verdict
    return rows, f"Form: {form}, against the gated model as it was: {verdict}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    trials, seeds = (2, 2) if options.short else (options.trials, options.seeds)
    task = Task(gated, plain, digits(), 3 if options.short else 100, 3e-3)
    with tempfile.TemporaryDirectory() as folder:
        rows, verdict = measured(task, trials, seeds, Path(folder))
    print(terminal.markdown(("form", "loss", "better by", "activations"), rows, "lrrl"))
    print(f"\n{verdict}\n\n" + ", ".join(f"{name} {value}" for name, value in terminal.machine().items()))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="2 trials, 2 seeds, 3 steps a training")
    parser.add_argument("--trials", type=int, default=6, help="of each search (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="of the comparison (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
