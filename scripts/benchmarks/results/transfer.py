"""Transfer from a small model to a large one: what a choice found on the small one is worth on the large one.

    python scripts/benchmarks/results/transfer.py [--task vision] [--trials 10] [--seeds 10] [--short]
        [--out runs/transfer]

vision: convolutions on the digits of scikit-learn, from 2 blocks of 6 channels to 5 of 12. language: causal
transformers on a text of sums, from 2 blocks of width 12 to 4 of width 24. On each are compared, on fresh
paired seeds and data that no search has seen: the original; the uniform assignment that the search of the
large model believes best; the choice of the small model's search, stretched; a search of the large model with
as many trials; and one that tries the stretched choice first (`like`). A run that was killed goes on with the
same command; seconds are those of a search's own trainings, without its confirmation.
"""

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact import Assignment, SearchSpace, run_search
from autoact.conversion import find_layers
from autoact.search import SearchResult
from autoact.search.statistics import compare
from scripts import terminal
from scripts.benchmarks.results import Record

CANDIDATES = ["relu", "elu", "gelu", "silu", "mish", "tanh", "relu_squared"]
FIRST_SEED = 10**6  # of the comparison; the seeds of searches are drawn below
CONTEXT, BATCH = 24, 32
SYMBOLS = "0123456789+=;"
Parts = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Task:
    """A small and a large model, and data to train, to search and to compare with.

    Attributes:
        small: Makes the small model.
        large: Makes the large one.
        parts: Inputs and targets by "train", "search" and "compare".
        steps: Optimizer steps of a training.
        rate: Learning rate of Adam.
    """

    small: Callable[[], nn.Module]
    large: Callable[[], nn.Module]
    parts: Mapping[str, Parts]
    steps: int
    rate: float


class Block(nn.Module):
    """A convolution and an activation, which halves the image or leaves its size."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(before, channels, 3, stride, padding=1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of the convolution."""
        return self.act(self.conv(x))


class Convolutions(nn.Module):
    """Blocks, of which the first and the middle one halve the image, and a head with a hidden layer."""

    def __init__(self, depth: int, channels: int) -> None:
        super().__init__()
        strides = [2 if at in (0, depth // 2) else 1 for at in range(depth)]
        before = [1] + [channels] * (depth - 1)
        self.blocks = nn.ModuleList(Block(n, channels, s) for n, s in zip(before, strides, strict=True))
        self.hidden, self.act, self.out = nn.Linear(4 * channels, 32), nn.ReLU(), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (B, 10), of images, (B, 1, 8, 8)."""
        for block in self.blocks:
            x = block(x)
        return self.out(self.act(self.hidden(x.flatten(1))))


class Layer(nn.Module):
    """A block of a transformer: causal attention of 4 heads, and a perceptron."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.up, self.act, self.down = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return x after attention and perceptron, each added to what comes in."""
        h = self.norm1(x)
        x = x + self.attention(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.down(self.act(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """A causal transformer over symbols."""

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(len(SYMBOLS), width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(Layer(width) for _ in range(depth))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, len(SYMBOLS))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of the next symbol, (B, S, T), of texts, (B, T)."""
        mask = torch.full((x.shape[1], x.shape[1]), -math.inf).triu(1)
        h = self.symbols(x) + self.places.weight[: x.shape[1]]
        for block in self.blocks:
            h = block(h, mask)
        return self.out(self.norm(h)).transpose(1, 2)


def digits() -> dict[str, Parts]:
    """Return the images of handwritten digits, (1797, 1, 8, 8), in three parts."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    x = torch.from_numpy(images).float().view(-1, 1, 8, 8)[order] / 8 - 1
    y = torch.from_numpy(labels).long()[order]
    cuts = {"train": slice(0, 800), "search": slice(800, 1300), "compare": slice(1300, None)}
    return {name: (x[cut], y[cut]) for name, cut in cuts.items()}


def sums(rows: int = 2000) -> dict[str, Parts]:
    """Return pieces of texts such as 27+5=32;8+61=69; and what follows each symbol, both (N, T)."""
    draw = torch.Generator().manual_seed(0)

    def part(count: int) -> Parts:
        pairs = torch.randint(0, 100, (count * CONTEXT // 6, 2), generator=draw).tolist()
        text = "".join(f"{a}+{b}={a + b};" for a, b in pairs)
        known = torch.tensor([SYMBOLS.index(symbol) for symbol in text])
        pieces = known[: (len(known) - 1) // CONTEXT * CONTEXT + 1].unfold(0, CONTEXT + 1, CONTEXT)
        return pieces[:, :-1], pieces[:, 1:]

    return {"train": part(rows), "search": part(300), "compare": part(600)}


TASKS: Mapping[str, Callable[[], Task]] = {
    "vision": lambda: Task(partial(Convolutions, 2, 6), partial(Convolutions, 5, 12), digits(), 150, 3e-3),
    "language": lambda: Task(partial(Transformer, 2, 12), partial(Transformer, 4, 24), sums(), 300, 5e-3),
}


def trained(
    assignment: Assignment,
    seed: int,
    fraction: float,
    *,
    task: Task,
    make: Callable[[], nn.Module],
    part: str,
) -> float:
    """Train a model for a part of a full training; return its loss on a part of the data."""
    torch.manual_seed(seed % 2**32)
    model = autoact.apply(make(), assignment)
    optimizer = torch.optim.Adam(model.parameters(), task.rate)
    x, y = task.parts["train"]
    for _ in range(max(1, round(fraction * task.steps))):
        rows = torch.randint(0, len(x), (BATCH,))
        loss = cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        x, y = task.parts[part]
        return float(cross_entropy(model(x), y))


@dataclass(frozen=True)
class Searcher:
    """Searches of one task's models, with equal settings."""

    task: Task
    trials: int
    folder: Path
    candidates: tuple[str, ...] = tuple(CANDIDATES)

    def search(
        self, make: Callable[[], nn.Module], name: str, like: Sequence[Path] = ()
    ) -> tuple[SearchResult, float]:
        """Search a model, or go on; return the result and the seconds that its trainings took."""
        out = self.folder / name
        found = run_search(
            objective=partial(trained, task=self.task, make=make, part="search"),
            layers=find_layers(make(), self.candidates).layers,
            space=self.candidates,
            mode="min",
            budget=self.trials,
            seeds=2,
            selection_seeds=2,
            quiet=True,
            out=out,
            resume=out.exists(),
            task=name,
            like=like or None,
        )
        return found, sum(own.seconds for own in found.trainings if own.phase != "confirmation")


def compared(task: Task, trials: int, seeds: int, folder: Path) -> list[tuple[str, ...]]:
    """Search, transfer and compare; return the rows of a table."""
    searcher, record = Searcher(task, trials, folder), Record(folder / "losses.jsonl")
    layers = find_layers(task.large(), CANDIDATES).layers
    small, small_s = searcher.search(task.small, "small")
    large, large_s = searcher.search(task.large, "large")
    like, like_s = searcher.search(task.large, "like", [folder / "small"])
    moved = small.assignment.stretched(layers, SearchSpace.of(CANDIDATES))
    report = large.report
    arms = {
        "original": (Assignment(layers), 0.0),
        f"best uniform: {report['comparisons']['best_uniform']['name']}": (_uniform(large), large_s),
        "small search, transferred": (moved, small_s),
        "large search": (large.assignment, large_s),
        "large search with `like`": (like.assignment, small_s + like_s),
    }
    final = partial(trained, fraction=1.0, task=task, make=task.large, part="compare")
    for choice, _ in arms.values():
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            if not record.has(folder.name, str(choice), seed):
                record.add(task=folder.name, arm=str(choice), seed=seed, comparison=final(choice, seed))
    known = record.values(folder.name)
    losses = {name: known[str(choice)][:seeds].tolist() for name, (choice, _) in arms.items()}
    rows: list[tuple[str, ...]] = []
    for name, (choice, seconds) in arms.items():
        mean = sum(losses[name]) / seeds
        gain, to_large = (interval(losses[name], losses[other]) for other in ("original", "large search"))
        rows.append((name, f"{mean:.4f}", gain, to_large, f"{seconds:.0f}", names(choice)))
        print(*rows[-1], file=sys.stderr, flush=True)
    return rows


def _uniform(found: SearchResult) -> Assignment:
    """Return the uniform assignment that a search believes best."""
    plan = found.plan
    assert plan is not None, "a search has a plan"
    return plan.variables.uniform(found.report["comparisons"]["best_uniform"]["name"])


def interval(losses: Sequence[float], others: Sequence[float]) -> str:
    """Return how much smaller losses are than others on the same seeds, with a 95 % interval."""
    found = compare(losses, others, "min")
    return f"{found.difference:+.4f} [{found.ci95[0]:+.4f}, {found.ci95[1]:+.4f}]"


def names(choice: Assignment) -> str:
    """Return the activations of an assignment."""
    return ", ".join(each.activation for each in choice.values())


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(
        __doc__, short="2 trials, 2 seeds, 3 steps a training", out=terminal.RUNS / "transfer"
    )
    parser.add_argument("--task", nargs="+", choices=[*TASKS], default=[*TASKS], help="which (default: all)")
    parser.add_argument("--trials", type=int, default=10, help="of each search (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="of the comparison (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table per task."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    for name in options.task:
        task = TASKS[name]()
        trials, seeds = options.trials, options.seeds
        if options.short:
            task, trials, seeds = Task(task.small, task.large, task.parts, 3, task.rate), 2, 2
        rows = compared(task, trials, seeds, terminal.kept_in(options) / name)
        head = (name, "loss", "better than the original by", "than the large search by", "s", "activations")
        print(f"\n{terminal.markdown(head, rows, 'lrrrrl')}\n", flush=True)
    print(", ".join(f"{name} {value}" for name, value in terminal.machine().items()))


if __name__ == "__main__":
    main()
