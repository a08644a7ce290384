"""Tasks of the exhaustive tables: data, a small network, how it is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scripts.benchmarks.networks import Regime, Rows
from scripts.benchmarks.tables import data as rows_of

EIGHT = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "softplus", "sin")
FIVE = ("relu", "elu", "silu", "tanh", "sin")
FOUR = ("relu", "gelu", "tanh", "sin")
OF_IMAGES = ("relu", "gelu", "mish", "elu", "selu", "tanh", "softsign", "sin")
OF_NUMBERS = ("relu", "prelu", "smelu", "hardswish", "lisht", "snake", "softsign")
OF_WORDS = ("relu", "elu", "silu", "mish", "tanh", "softplus", "softsign", "sin")
AVERAGED = 0.1  # of a training's steps, over which weights are averaged where read-outs are compared
TWELVE = (*EIGHT, "selu", "mish", "softsign", "gaussian")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTask:
    """One table's data, network and training.

    Attributes:
        name: Of the table.
        sizes: Numbers per row, units of each hidden layer, outputs.
        candidates: Of every hidden layer.
        regime: How a network is trained.
        load: Returns the rows, given the folder with the data files.
        data: What the data are, in words.
    """

    name: str
    sizes: tuple[int, ...]
    candidates: tuple[str, ...]
    regime: Regime
    load: Callable[[Path], Rows]
    data: str

    @property
    def depth(self) -> int:
        """How many activations are chosen."""
        return len(self.sizes) - 2

    def shortened(self) -> "TableTask":
        """Return the task with three candidates and two epochs: to try the script."""
        regime = replace(self.regime, epochs=2, measured=(1, 2))
        return replace(self, candidates=self.candidates[:3], regime=regime)

    def thinned(self, most: int) -> "TableTask":
        """Return the task with fewer candidates, evenly chosen, and at most so many assignments."""
        count = min(int(most ** (1 / self.depth) + 1e-9), len(self.candidates))
        step = (len(self.candidates) - 1) / (count - 1)
        return replace(self, candidates=tuple(self.candidates[round(n * step)] for n in range(count)))

    def halved(self) -> "TableTask":
        """Return the task of an earlier, smaller search.

        It has half of the units, twice the learning rate, and half of the training rows, drawn anew.
        """
        sizes = (self.sizes[0], *(units // 2 for units in self.sizes[1:-1]), self.sizes[-1])
        regime = replace(self.regime, lr=2 * self.regime.lr)
        load = partial(rows_of.halved, self.load)
        return replace(self, name=f"{self.name}_half", sizes=sizes, regime=regime, load=load)

    def read_out(self, decays: bool) -> "TableTask":
        """Return the task with what read-outs are compared on: a value per epoch, and averaged weights."""
        measured = tuple(range(1, self.regime.epochs + 1))
        regime = replace(self.regime, measured=measured, decays=decays, averaged=AVERAGED)
        return replace(self, regime=regime)


def _task(
    name: str,
    load: Callable[[Path], Rows],
    sizes: tuple[int, ...],
    lr: float,
    batch_size: int,
    data: str,
    candidates: tuple[str, ...] = EIGHT,
    epochs: int = 16,
) -> TableTask:
    """Return a task that is measured after 1/8, 1/4, 1/2 and all of its epochs."""
    measured = (epochs // 8, epochs // 4, epochs // 2, epochs)
    regime = Regime(epochs=epochs, batch_size=batch_size, lr=lr, measured=measured)
    return TableTask(name=name, sizes=sizes, candidates=candidates, regime=regime, load=load, data=data)


WINES = "winequality-white.csv (Cortez et al. 2009)"
DIGITS = "scikit-learn's digits, 10 classes"
CIFAR = "cifar10_15k.npz (Krizhevsky 2009), 40 principal components of 8 x 8 pixels in color, 10 classes"
CORA = "cora.npz (Sen et al. 2008), 40 principal components of the words, 7 classes"
DEVELOPMENT = (
    _task("digits", rows_of.digits, (64, 32, 32, 32, 10), 5e-3, 64, DIGITS),
    _task("digits4", rows_of.digits, (64, 24, 24, 24, 24, 10), 5e-3, 64, DIGITS, FIVE),
    _task("wine", rows_of.wine, (11, 32, 32, 32, 2), 2e-3, 128, f"{WINES}, quality 6 or better: 2 classes"),
    _task(
        "abalone", rows_of.abalone, (10, 32, 32, 32, 1), 2e-3, 128, "abalone.csv (Nash et al. 1994), rings"
    ),
    _task(
        "diabetes", rows_of.diabetes, (10, 32, 32, 32, 1), 2e-3, 32, "scikit-learn's diabetes, progression"
    ),
    _task("cifar", rows_of.cifar, (40, 32, 32, 32, 10), 1e-3, 128, CIFAR, OF_IMAGES),
    _task(
        "friedman",
        rows_of.friedman,
        (10, 24, 24, 24, 1),
        5e-3,
        64,
        "synthetic: Friedman's first function",
        OF_NUMBERS,
    ),
)
HELD_OUT = (  # no setting of the search may be chosen on these
    _task("alcohol", rows_of.alcohol, (11, 32, 32, 32, 1), 3e-3, 128, f"{WINES}, alcohol from the rest"),
    _task("cora", rows_of.cora, (40, 32, 32, 32, 7), 3e-3, 64, CORA, OF_WORDS),
    _task(
        "wine5",
        rows_of.alcohol,
        (11, 24, 24, 24, 24, 24, 1),
        3e-3,
        128,
        f"{WINES}, alcohol from the rest",
        FOUR,
    ),
    _task(
        "spirals",
        rows_of.spirals,
        (2, 24, 24, 2),
        5e-3,
        32,
        "synthetic: two spirals, 2 classes",
        TWELVE,
        epochs=64,
    ),
    _task(
        "sex", rows_of.sex, (8, 32, 32, 32, 3), 2e-3, 128, "abalone.csv, male, female or infant: 3 classes"
    ),
    _task("clusters", rows_of.clusters, (20, 24, 24, 24, 4), 5e-3, 64, "synthetic: 8 clusters, 4 classes"),
)
WITHOUT_TABLE = (
    _task(
        "cancer",
        rows_of.cancer,
        (30, 32, 32, 32, 2),
        2e-3,
        32,
        "scikit-learn's breast cancer, malignant or benign: 2 classes",
    ),
)
HALVES = tuple(  # whose searches docs/benchmarks/experience.md gives to those of the whole tasks
    task.halved()
    for task in DEVELOPMENT + HELD_OUT
    if task.name in ("wine", "abalone", "alcohol", "cora", "spirals", "sex", "clusters")
)
TASKS: Mapping[str, TableTask] = {task.name: task for task in DEVELOPMENT + HELD_OUT + WITHOUT_TABLE + HALVES}
