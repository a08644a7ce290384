"""Search the asymmetric task, whose answer is known, over several seeds, and print a table.

    python scripts/examples/search_asymmetric.py [--seeds 10] [--a 0.3 0.7 3]

The target is t for t >= 0 and a(exp(t) - 1) below; one ReLU neuron with fixed output scale chooses among six
candidates, relu among them. Exit status 1 unless every search chooses elu or its equal, alpha within 2 %.
"""

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoact import Choice, run_search
from scripts import terminal
from tests.search.asymmetric import CANDIDATES, TRAINER, AsymmetricData, OneNeuron

ROW = "{:>4} {:>4}  {:<24} {:>9} {:>10} {:>10} {:>8}"


def right(choice: Choice, a: float) -> bool:
    """Tell whether a choice is the target: elu with alpha a, or what is equal to it."""
    alpha = choice.parameters.get("alpha")
    equal = choice.activation == "elu" or (choice.activation == "celu" and a == 1)
    return equal and isinstance(alpha, float) and abs(alpha - a) <= 0.02 * a


def run(a: float, seed: int) -> bool:
    """Search once, print the row, and tell whether the answer is right."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = run_search(
            OneNeuron,
            partial(AsymmetricData, a),
            out=Path(folder) / "run",
            space=CANDIDATES,
            monitor="val_mse",
            mode="min",
            budget=6,
            seeds=2,
            selection_seeds=1,
            trainer=TRAINER,
            seed=seed,
            quiet=True,
        )
    (choice,) = result.assignment.values()
    gap = result.report["prior"]["discretization"]
    numbers = (f"{gap[name]:.2g}" for name in ("mixture", "derived", "fine_tuned"))
    print(ROW.format(a, seed, str(choice), *numbers, f"{time.monotonic() - began:.0f} s"), flush=True)
    return right(choice, a)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = terminal.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--a", type=float, nargs="+", default=[0.3, 0.7, 3.0])
    options = parser.parse_args()
    print(ROW.format("a", "seed", "chosen", "mixture", "derived", "tuned", "took"))
    found = [run(a, seed) for seed in range(options.seeds) for a in options.a]
    print(f"{sum(found)} of {len(found)} right")
    sys.exit(not all(found))
