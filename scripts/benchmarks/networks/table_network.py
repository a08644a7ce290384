"""Compare the network that `autoact search --data` starts from with scikit-learn's models on tables.

    python scripts/benchmarks/networks/table_network.py FILE:TARGET ... [--seeds 3] [--short]
        [--try weight_decay=0.1 ...]

All get the same training rows and inputs; values are mean losses on comparison rows (cross entropy, or
squared error over the target's variance): the network with ReLU, MLPClassifier or MLPRegressor with
standardized inputs and defaults, the same with early stopping, logistic or ridge regression, and histogram
gradient boosting. --try trains networks with other settings of `Perceptron` instead, read on selection
rows: a setting may be chosen there. Without files: scikit-learn's diabetes, breast cancer, digits and wine.
About 20 seconds for a table of 1,000 rows.
"""

import csv
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.tabular import TableTask, load_task
from autoact.training import train
from scripts import terminal

SHIPPED = {
    "diabetes": load_diabetes,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "wine": load_wine,
}
Settings = Mapping[str, Any]


def shipped(folder: Path, names: Sequence[str]) -> list[str]:
    """Write scikit-learn's tables and return them as FILE:TARGET."""
    for name in names:
        bunch = SHIPPED[name]()
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([*row, y] for row, y in zip(bunch.data, bunch.target, strict=True))
    return [f"{folder / name}.csv:-1" for name in names]


def network(task: TableTask, seeds: int, settings: Settings, rows: str) -> float:
    """Return the network's mean loss.

    Args:
        task: The table.
        seeds: How many trainings.
        settings: Of `Perceptron`, instead of its defaults.
        rows: "selection" or "comparison".
    """
    how: dict[str, Any] = {
        "monitor": "val_loss",
        "trainer": dict(task.trainer),
        "comparison": rows == "comparison",
    }
    make = partial(task.model, **settings)
    return float(np.mean([getattr(train(make, task.data, seed=n, **how), rows) for n in range(seeds)]))


def others(task: TableTask, seeds: int) -> list[float]:
    """Return the losses of scikit-learn's models on comparison rows, gradient boosting last."""
    (x, y), (new, wanted) = (
        [tensor.numpy() for tensor in cast(TensorDataset, loader.dataset).tensors[:2]]
        for loader in (task.data[0], task.data[2])
    )
    classes, scale = len(task.target.classes), task.model.keywords.get("scale", 1.0)

    def loss(model: Any) -> float:
        learned = make_pipeline(StandardScaler(), model).fit(x, y if classes else (y - y.mean()) / scale)
        if not classes:
            return float(np.square(learned.predict(new) - (wanted - y.mean()) / scale).mean())
        share = np.zeros((len(new), classes))
        share[:, learned.classes_] = learned.predict_proba(new)
        return float(-np.log(np.maximum(share[np.arange(len(new)), wanted], np.finfo(float).eps)).mean())

    perceptron = MLPClassifier if classes else MLPRegressor
    linear = LogisticRegression(max_iter=1000) if classes else Ridge()
    makers: list[Callable[[int], Any]] = [
        lambda seed: perceptron(random_state=seed),
        lambda seed: perceptron(random_state=seed, early_stopping=True),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, that 200 epochs have not converged
        means = [float(np.mean([loss(make(seed)) for seed in range(seeds)])) for make in makers]
        return [*means, loss(linear), task.reference("val_loss").value or np.nan]


def compared(task: TableTask, seeds: int) -> list[float]:
    """Return the losses of all models on comparison rows, the network's first."""
    return [network(task, seeds, {}, "comparison"), *others(task, seeds)]


def tried(task: TableTask, seeds: int, settings: Sequence[Settings]) -> list[float]:
    """Return the network's loss on selection rows as it is, and its ratio to that with each of others."""
    present, *found = (network(task, seeds, each, "selection") for each in ({}, *settings))
    return [present, *(value / present for value in found)]


def read_settings(text: str) -> dict[str, float]:
    """Return settings from `weight_decay=0.1,dropout=0.2`.

    Example:
        >>> read_settings("weight_decay=0.1,dropout=0.2")
        {'weight_decay': 0.1, 'dropout': 0.2}
    """
    return {name: float(value) for name, _, value in (part.partition("=") for part in text.split(","))}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and print a table."""
    parser = terminal.parser(__doc__, short="one table, one seed")
    parser.add_argument("tables", nargs="*", metavar="FILE:TARGET")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--try", dest="tried", nargs="+", metavar="NAME=X,NAME=X", default=[])
    options = parser.parse_args(arguments)
    settings = [read_settings(text) for text in options.tried]
    models = ("network", "MLP", "MLP, early stopping", "linear", "gradient boosting")
    rows, seeds = [], 1 if options.short else options.seeds
    with TemporaryDirectory() as folder:
        names = list(SHIPPED)[-1:] if options.short else list(SHIPPED)
        for place in options.tables or shipped(Path(folder), names):
            path, _, target = place.rpartition(":")
            task = load_task(path, target)
            found = tried(task, seeds, settings) if settings else compared(task, seeds)
            rows.append((Path(path).stem, *(f"{value:.4g}" for value in found)))
            print(*rows[-1], file=sys.stderr, flush=True)
    if settings:
        ratios = np.array([[float(cell) for cell in row[2:]] for row in rows])
        rows.append(("geometric mean", "", *(f"{mean:.4g}" for mean in np.exp(np.log(ratios).mean(axis=0)))))
    print(terminal.markdown(("table", *(("network", *options.tried) if settings else models)), rows))


if __name__ == "__main__":
    main()
