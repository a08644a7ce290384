"""Compare stacks of trainings of users' modules with plain trainings, and with what `stack_speed` foresees.

    python scripts/benchmarks/stacks/stack_speed.py [--short] [--models mlp cnn] [--sizes 8 32 128]

Whole trainings, validations and Lightning included, on one thread and in turns: a plain training by
`autoact.training.train`, a loop as one would write it without Lightning, a stack by `train_stack`. Processor
time per training, median over repetitions.
"""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact import Assignment, apply
from autoact.training import DataParts, Member, split, stack_speed, train, train_stack
from scripts import terminal

CANDIDATES = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "softplus", "prelu")
CLASSES = 10
LENGTH: dict[str, Any] = {"max_epochs": 4, "accelerator": "cpu"}


class Classifier(L.LightningModule):
    """What the networks have in common."""

    paths: tuple[str, ...] = ()
    net: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit per class, (batch, 10)."""
        return self.net(x)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the cross entropy of a batch."""
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Log the loss on other rows."""
        self.log("val_loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Perceptron(Classifier):
    """64-32-32-32-10."""

    paths = ("net.1", "net.3", "net.5")

    def __init__(self) -> None:
        super().__init__()
        hidden = [(nn.Linear(before, 32), nn.ReLU()) for before in (64, 32, 32)]
        self.net = nn.Sequential(*itertools.chain(*hidden), nn.Linear(32, CLASSES))


class Convolutional(Classifier):
    """Three convolutions of 16 and 32 channels with BatchNorm, on 16 x 16 pixels."""

    paths = ("net.2", "net.6", "net.10")

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, 16), (16, 32), (32, 32)):
            convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, CLASSES))


class Transformer(Classifier):
    """One block of width 32 on 16 tokens."""

    paths = ("act",)

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.before, self.between = nn.LayerNorm(32), nn.LayerNorm(32)
        self.up, self.act, self.down = nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 32)
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit per class, (batch, 10)."""
        h = self.embedding(x)
        y = self.before(h)
        h = h + self.attention(y, y, y, need_weights=False)[0]
        h = h + self.down(self.act(self.up(self.between(h))))
        return self.head(h.mean(1))


MODELS: dict[str, type[Classifier]] = {"mlp": Perceptron, "cnn": Convolutional, "transformer": Transformer}


def data(model: str) -> DataParts:
    """Return 512 rows to train and 256 to validate."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"mlp": (768, 64), "cnn": (768, 1, 16, 16)}
    if model in shapes:
        x = torch.randn(shapes[model], generator=generator)
    else:
        x = torch.randint(0, 64, (768, 16), generator=generator)
    rows = TensorDataset(x, torch.randint(0, CLASSES, (768,), generator=generator))
    training, other = torch.utils.data.random_split(rows, [512, 256], generator)
    return split((DataLoader(training, 64, shuffle=True), DataLoader(other, 256), DataLoader(other, 256)))


def assignments(model: type[Classifier], size: int) -> list[Assignment]:
    """Return as many different assignments as there are, again and again."""
    every = list(itertools.product(CANDIDATES, repeat=len(model.paths)))
    chosen = (every[place * 37 % len(every)] for place in range(size))
    return [Assignment(dict(zip(model.paths, names, strict=True))) for names in chosen]


def in_a_loop(model: type[Classifier], parts: DataParts, assignment: Assignment) -> None:
    """Train without Lightning."""
    torch.manual_seed(0)
    network: Any = apply(model(), assignment)
    network.log = lambda *arguments, **settings: None
    optimizer: Any = network.configure_optimizers()
    for _ in range(LENGTH["max_epochs"]):
        for number, batch in enumerate(parts.train()):
            optimizer.zero_grad()
            network.training_step(batch, number).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for number, batch in enumerate(parts.selection()):
                network.validation_step(batch, number)
        network.train()


def ways(
    model: type[Classifier], parts: DataParts, size: int
) -> Iterator[tuple[str, int, Callable[[], Any]]]:
    """Yield what is timed: its name, how many trainings it does, and how it is done."""
    chosen = assignments(model, size)
    members = [Member(assignment=each, seed=0) for each in chosen]
    common: dict[str, Any] = {"monitor": "val_loss", "trainer": LENGTH}
    yield "plain", 1, lambda: train(model, parts, seed=0, assignment=chosen[-1], **common)
    yield "loop", 1, lambda: in_a_loop(model, parts, chosen[-1])
    yield "stack", size, lambda: train_stack(model, parts, members, **common)


def measured(model: type[Classifier], parts: DataParts, size: int, repetitions: int) -> dict[str, float]:
    """Return the processor time per training of each way."""
    times: dict[str, list[float]] = {}
    for _ in range(repetitions):
        for name, count, way in ways(model, parts, size):
            start = time.process_time()
            way()
            times.setdefault(name, []).append((time.process_time() - start) / count)
    return {name: median(values) for name, values in times.items()}


def main() -> None:
    """Time all models and sizes, and print the table."""
    parser = terminal.parser(__doc__, short="one model, one size, once")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    if options.short:
        options.models, options.sizes, options.repetitions = ["mlp"], [8], 1
    torch.set_num_threads(1)
    cells = []
    for name in options.models:
        model, parts = MODELS[name], data(name)
        train(model, parts, seed=0, monitor="val_loss", trainer={"max_steps": 1, "accelerator": "cpu"})
        for size in options.sizes:
            times = measured(model, parts, size, options.repetitions)
            foreseen = stack_speed(
                model,
                parts,
                monitor="val_loss",
                trainer=LENGTH,
                assignments=assignments(model, size),
                size=size,
            )
            ratios = [times["plain"] / times["stack"], times["loop"] / times["stack"], foreseen]
            row = [f"{1000 * times[way]:.1f}" for way in ("plain", "loop", "stack")]
            cells.append([f"{name}, {size}", *row, *(f"{ratio:.1f}" for ratio in ratios)])
            print(*cells[-1], file=sys.stderr)
    head = ("model, members", "plain ms", "loop ms", "stack ms", "plain / stack", "loop / stack", "foreseen")
    print(terminal.markdown(head, cells))
    print(", ".join(f"{key} {value}" for key, value in terminal.machine().items()))


if __name__ == "__main__":
    main()
