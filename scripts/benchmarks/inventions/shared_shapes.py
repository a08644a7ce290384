"""One free shape for several networks with staggered starts, against a shape for each, at the same cost.

    python scripts/benchmarks/inventions/shared_shapes.py --data-dir DIR [--short]
        [--out runs/shared_shapes] [--only digits ...]

*separate*: 12 networks learn a cubic spline of 17 knots each, and the one with the least loss on selection
rows counts. *shared*: six networks at a time share one spline over the length of two trainings; each begins
anew when its training is over, the six a sixth of a training apart. Both are 12 trainings, by Adam; all
splines begin at ReLU. The shape then stays as it is in fresh networks; their loss on selection rows is
compared, on 10 paired seeds. On data of hidden functions (`teachers`) a shape's distance from the function
counts, up to affine changes.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact import get
from autoact.analysis import normal_quantiles, project
from autoact.spaces import Choice
from scripts import terminal
from scripts.benchmarks.invention import kept
from scripts.benchmarks.inventions import half_width
from scripts.benchmarks.networks import Regime, Rows, losses
from scripts.benchmarks.results import stack_values
from scripts.benchmarks.tables.tasks import TASKS, TableTask
from scripts.benchmarks.teachers.functions import COUNTED, NOISE, inputs_of, teacher_curve

MEMBER = "cubic_spline_17"
SEPARATE, TOGETHER = 12, 6  # networks
REAL, TEACHERS = ("digits", "abalone", "diabetes", "cancer"), tuple(COUNTED)[:5]
SHAPE_LR, CURVATURE = 0.01, 1e-6
SPREAD = 1.6  # of the inputs where splines are fitted to ReLU: beyond the outermost knots
FIRST_SEED, FRESH = 7000, 10  # seeds that learn; seeds that compare come after them


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What networks learn a shape on."""

    sizes: tuple[int, ...]
    rows: Rows
    regime: Regime


class Networks(nn.Module):
    """Perceptrons whose layers have one spline each network, or one for all."""

    def __init__(self, sizes: Sequence[int], count: int, shared: bool) -> None:
        super().__init__()
        self.sizes, self.act = sizes, get(MEMBER)
        self.weights = nn.ParameterList(torch.empty(count, n, m) for n, m in pairwise(sizes))
        self.biases = nn.ParameterList(torch.empty(count, 1, m) for m in sizes[1:])
        start = project("relu", [MEMBER], SPREAD * normal_quantiles()).parameters
        values = torch.tensor([start[p.name] for p in self.act.parameters])
        self.shapes = nn.Parameter(values.repeat(1 if shared else count, 1))
        for place in range(count):
            self.begin(place, FIRST_SEED + place)

    @torch.no_grad()
    def begin(self, place: int, seed: int) -> None:
        """Give a network fresh weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for weight, bias, (n, m) in zip(self.weights, self.biases, pairwise(self.sizes), strict=True):
                fresh = nn.Linear(n, m)
                weight[place], bias[place] = fresh.weight.T, fresh.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (N, rows, outputs) of rows (N, rows, inputs)."""
        values = {p.name: v[:, None, None] for p, v in zip(self.act.parameters, self.shapes.T, strict=True)}
        for weight, bias in zip(self.weights[:-1], self.biases, strict=False):
            x = self.act(torch.baddbmm(bias, x, weight), **values)
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])

    def curvature(self) -> Tensor:
        """Return the mean square of the second differences of all splines, in units of the knots."""
        c = self.shapes.T
        spacing = -2 * self.act.parameters[0].default / (len(c) - 1)
        return ((c[2:] - 2 * c[1:-1] + c[:-2]) / spacing**2).square().mean()


def learned(lesson: Lesson, shared: bool) -> dict[str, float]:
    """Return the values of the shape that counts."""
    count = TOGETHER if shared else SEPARATE
    networks, (x, y) = Networks(lesson.sizes, count, shared), lesson.rows.training
    weights: list[Tensor] = [*networks.weights, *networks.biases]
    parameters: list[dict[str, Any]] = [{"params": weights}, {"params": [networks.shapes], "lr": SHAPE_LR}]
    optimizer = torch.optim.Adam(parameters, lr=lesson.regime.lr)
    length, step, fresh = lesson.regime.steps(len(x)), 0, FIRST_SEED + count
    for number in range(SEPARATE // count):
        for batches in lesson.regime.batches(len(x), FIRST_SEED + number):
            for batch in batches:
                if shared and step and step % (length // count) == 0:
                    place = step // (length // count) % count
                    networks.begin(place, fresh)
                    forget(optimizer, weights, place)
                    fresh += 1
                optimizer.zero_grad()
                said = networks(x[batch].expand(count, -1, -1))
                (losses(said, y[batch][None]).sum() + CURVATURE * networks.curvature()).backward()
                optimizer.step()
                step += 1
    xs, ys = lesson.rows.selection
    with torch.no_grad():
        at = (
            0
            if shared
            else int(losses(networks(xs.expand(count, -1, -1)), ys[None]).nan_to_num(1e9).argmin())
        )
    shape = networks.shapes[at].detach().tolist()
    return {p.name: v for p, v in zip(networks.act.parameters, shape, strict=True)}


def forget(optimizer: torch.optim.Adam, weights: Sequence[Tensor], place: int) -> None:
    """Clear what Adam remembers of a network."""
    for weight in weights:
        for key in ("exp_avg", "exp_avg_sq"):
            optimizer.state[weight][key][place] = 0.0


def of_task(task: TableTask, rows: Rows, fresh: int) -> dict[str, Any]:
    """Return losses of fresh networks with ReLU and with both shapes, on selection rows, by seed."""
    lesson = Lesson(sizes=task.sizes, rows=rows, regime=task.regime)
    shapes = [Choice(MEMBER, learned(lesson, shared)) for shared in (False, True)]
    everywhere: list[str | Choice] = ["relu", *shapes]
    arms = [[each] * task.depth for each in everywhere]
    seeds = range(FIRST_SEED + 100, FIRST_SEED + 100 + fresh)
    found = np.array([[loss for loss, _ in stack_values(task, rows, arms, seed)] for seed in seeds]).T
    return dict(zip(("relu", "separate", "shared"), found.tolist(), strict=True))


def of_teacher(name: str, epochs: int) -> dict[str, float]:
    """Return how far both shapes are from a hidden function, over its standard deviation."""
    x, _, y = inputs_of(name)
    y = y + NOISE * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    rows = Rows(training=(x[:2000], y[:2000]), selection=(x[2000:], y[2000:]), comparison=(x, y))
    regime = Regime(epochs=epochs, batch_size=200, lr=0.01, measured=(epochs,))
    lesson = Lesson(sizes=(3, 3, 1), rows=rows, regime=regime)
    return {
        way: distance(name, learned(lesson, shared))
        for way, shared in (("separate", False), ("shared", True))
    }


def distance(name: str, values: Mapping[str, float]) -> float:
    """Return the least distance between a hidden function and a shape, up to affine changes of both."""
    z, target, _ = teacher_curve(name)

    def rest(p: np.ndarray) -> np.ndarray:
        shape = get(MEMBER)(torch.from_numpy(p[0] * z + p[1]), **values).numpy()
        basis = np.stack([np.ones_like(z), shape], 1)
        return np.asarray((basis @ np.linalg.lstsq(basis, target, rcond=1e-9)[0] - target) / target.std())

    starts = [(b, m) for b in (-1.6, -0.8, 0.8, 1.6) for m in (-0.7, 0.0, 0.7)]
    return min(float(np.sqrt(2 * least_squares(rest, start).cost / len(z))) for start in starts)


def gain(first: Sequence[float], second: Sequence[float], comparisons: int) -> str:
    """Return how much less the second loses, with an interval that holds together with the others."""
    difference = np.array(first) - np.array(second)
    return f"{difference.mean():+.4f} ± {half_width(difference, comparisons):.4f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    fresh, epochs, cells, errors = (2, 2, [], []) if options.short else (FRESH, 200, [], [])
    for name in options.only:
        task = TASKS[name].shortened() if options.short else TASKS[name]
        rows = task.load(options.data_dir)
        found = kept(options.out / f"{name}.json", lambda t=task, r=rows: of_task(t, r, fresh))
        relu, separate, shared = (found[arm] for arm in ("relu", "separate", "shared"))
        pairs = ((relu, separate), (relu, shared), (separate, shared))
        cells.append((name, *(gain(*pair, len(options.only)) for pair in pairs)))
        print(name, file=sys.stderr, flush=True)
    for number, name in enumerate(TEACHERS[:1] if options.short else TEACHERS):
        found = kept(options.out / f"teacher_{number}.json", lambda n=name: of_teacher(n, epochs))
        errors.append((name, *(f"{100 * found[way]:.1f} %" for way in ("separate", "shared"))))
        print(name, file=sys.stderr, flush=True)
    print(
        terminal.markdown(("task", "separate over ReLU", "shared over ReLU", "shared over separate"), cells)
    )
    print("\n" + terminal.markdown(("hidden", "separate", "shared"), errors))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(
        __doc__, short="2 epochs, 2 seeds, a teacher", out=terminal.RUNS / "shared_shapes"
    )
    parser.add_argument("--data-dir", type=Path, default=Path(), help="folder of the data files")
    parser.add_argument("--only", nargs="*", choices=REAL, default=REAL, metavar="TASK", help="these tasks")
    options = parser.parse_args(arguments)
    options.out = terminal.kept_in(options)
    return options


if __name__ == "__main__":
    main()
