"""Data of the exhaustive tables: numbers in three parts, split in the same way every time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from autoact.training import tasks
from autoact.training.tasks import Rows, standardized, three_parts

Numbers = NDArray[np.float64]
COMPONENTS = 40  # that images and word counts are reduced to


def _without_file(rows: Callable[[], Rows]) -> Callable[[Path], Rows]:
    return lambda _: rows()


cancer, clusters, diabetes, friedman, spirals = map(
    _without_file, (tasks.cancer, tasks.clusters, tasks.diabetes, tasks.friedman, tasks.spirals)
)


def digits(_: Path) -> Rows:
    """Give scikit-learn's 1,797 images of 8 x 8 pixels: 900 to train, 448 to select, 449 to compare."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return three_parts(bunch.data, torch.from_numpy(bunch.target).long(), 900)


def wine(folder: Path) -> Rows:
    """Give 4,898 white wines, good (6 or better) or not: 3,000 to train, 949 to select, 949 to compare."""
    table = _wines(folder)
    return three_parts(table[:, :-1], torch.from_numpy(table[:, -1] >= 6).long(), 3000)


def alcohol(folder: Path) -> Rows:
    """Give the alcohol of 4,898 white wines: 2,000 to train, 1,449 to select, 1,449 to compare."""
    table = _wines(folder)
    return three_parts(np.delete(table, 10, axis=1), standardized(table[:, 10]), 2000)


def abalone(folder: Path) -> Rows:
    """Give the rings of 4,177 abalones: 2,000 to train, 1,088 to select, 1,089 to compare."""
    sex, numbers = _abalones(folder)
    return three_parts(np.hstack([sex, numbers[:, :-1]]), standardized(numbers[:, -1]), 2000)


def sex(folder: Path) -> Rows:
    """Give male, female or infant of 4,177 abalones: 2,000 to train, 1,088 to select, 1,089 to compare."""
    classes, numbers = _abalones(folder)
    return three_parts(numbers, torch.from_numpy(classes.argmax(axis=1)), 2000)


def cifar(folder: Path) -> Rows:
    """Give 8,000 images of CIFAR-10, averaged to 8 x 8: 4,000 to train, 2,000 to select, 2,000 to compare."""
    with np.load(folder / "cifar10_15k.npz") as stored:
        images, labels = stored["train_images"][:8000], stored["train_labels"][:8000]
    small = images.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    return three_parts(_principal(small), torch.from_numpy(labels).long(), 4000)


def cora(folder: Path) -> Rows:
    """Give the words of 2,708 papers, without citations: 1,400 to train, 654 to select, 654 to compare."""
    with np.load(folder / "cora.npz") as stored:
        words = np.zeros((len(stored["labels"]), int(stored["num_features"])))
        words[stored["feature_rows"], stored["feature_cols"]] = 1.0
        return three_parts(_principal(words), torch.from_numpy(stored["labels"]).long(), 1400)


def halved(load: Callable[[Path], Rows], folder: Path) -> Rows:
    """Give half as many rows to train, and as many to select and to compare, all drawn anew."""
    whole = load(folder)
    parts = (whole.training, whole.selection, whole.comparison)
    x, y = (torch.cat([part[place] for part in parts]) for place in (0, 1))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    sizes = (len(whole.training[0]) // 2, len(whole.selection[0]), len(whole.comparison[0]))
    cut = [(x[rows], y[rows]) for rows in order[: sum(sizes)].split(sizes)]
    return Rows(training=cut[0], selection=cut[1], comparison=cut[2])


def _principal(inputs: Numbers) -> Numbers:
    """Return the first principal components of all rows, (rows, COMPONENTS)."""
    centered = inputs - inputs.mean(axis=0)
    _, directions = np.linalg.eigh(centered.T @ centered)
    largest = directions[:, : -COMPONENTS - 1 : -1]
    sign = np.sign(largest[np.abs(largest).argmax(axis=0), np.arange(COMPONENTS)])  # eigh leaves it open
    return centered @ (largest * sign)


def _abalones(folder: Path) -> tuple[Numbers, Numbers]:
    """Return each as male, female or infant, (4177, 3), and its numbers, the last its rings, (4177, 8)."""
    text = np.loadtxt(folder / "abalone.csv", delimiter=",", dtype=str)
    sexes = (text[:, :1] == np.array(["M", "F", "I"])).astype(np.float64)
    return sexes, text[:, 1:].astype(np.float64)


def _wines(folder: Path) -> Numbers:
    return np.loadtxt(folder / "winequality-white.csv", delimiter=",")
