"""Data of the exhaustive tables: numbers in three parts, split in the same way every time."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.benchmarks.networks import Rows

Numbers = NDArray[np.float64]
LARGEST = 5.0  # standardised inputs beyond are cut: single wild rows would decide between trainings
COMPONENTS = 40  # that images and word counts are reduced to


def digits(_: Path) -> Rows:
    """Give scikit-learn's 1,797 images of 8 x 8 pixels: 900 to train, 448 to select, 449 to compare."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _split(bunch.data, torch.from_numpy(bunch.target).long(), 900)


def wine(folder: Path) -> Rows:
    """Give 4,898 white wines, good (6 or better) or not: 3,000 to train, 949 to select, 949 to compare."""
    table = _wines(folder)
    return _split(table[:, :-1], torch.from_numpy(table[:, -1] >= 6).long(), 3000)


def alcohol(folder: Path) -> Rows:
    """Give the alcohol of 4,898 white wines: 2,000 to train, 1,449 to select, 1,449 to compare."""
    table = _wines(folder)
    return _split(np.delete(table, 10, axis=1), _standardized(table[:, 10]), 2000)


def abalone(folder: Path) -> Rows:
    """Give the rings of 4,177 abalones: 2,000 to train, 1,088 to select, 1,089 to compare."""
    sex, numbers = _abalones(folder)
    return _split(np.hstack([sex, numbers[:, :-1]]), _standardized(numbers[:, -1]), 2000)


def sex(folder: Path) -> Rows:
    """Give male, female or infant of 4,177 abalones: 2,000 to train, 1,088 to select, 1,089 to compare."""
    classes, numbers = _abalones(folder)
    return _split(numbers, torch.from_numpy(classes.argmax(axis=1)), 2000)


def clusters(_: Path) -> Rows:
    """Give 8 clusters in 10 of 20 inputs, 4 classes: 1,500 to train, 1,000 each to select and compare."""
    from sklearn.datasets import make_classification

    inputs, target = make_classification(
        n_samples=3500, n_features=20, n_informative=10, n_classes=4, flip_y=0.05, random_state=0
    )
    return _split(inputs, torch.from_numpy(target).long(), 1500)


def diabetes(_: Path) -> Rows:
    """Give scikit-learn's 442 diabetes patients: 242 to train, 100 to select, 100 to compare."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    return _split(bunch.data, _standardized(bunch.target), 242)


def cancer(_: Path) -> Rows:
    """Give 569 breast tumors, malignant or not: 300 to train, 134 to select, 135 to compare."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return _split(bunch.data, torch.from_numpy(bunch.target).long(), 300)


def friedman(_: Path) -> Rows:
    """Give Friedman's first function, noise of s.d. 1: 1,500 to train, 1,000 each to select and compare."""
    from sklearn.datasets import make_friedman1

    inputs, target = make_friedman1(n_samples=3500, n_features=10, noise=1.0, random_state=0)
    return _split(inputs, _standardized(target), 1500)


def cifar(folder: Path) -> Rows:
    """Give 8,000 images of CIFAR-10, averaged to 8 x 8: 4,000 to train, 2,000 to select, 2,000 to compare."""
    with np.load(folder / "cifar10_15k.npz") as stored:
        images, labels = stored["train_images"][:8000], stored["train_labels"][:8000]
    small = images.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    return _split(_principal(small), torch.from_numpy(labels).long(), 4000)


def cora(folder: Path) -> Rows:
    """Give the words of 2,708 papers, without citations: 1,400 to train, 654 to select, 654 to compare."""
    with np.load(folder / "cora.npz") as stored:
        words = np.zeros((len(stored["labels"]), int(stored["num_features"])))
        words[stored["feature_rows"], stored["feature_cols"]] = 1.0
        return _split(_principal(words), torch.from_numpy(stored["labels"]).long(), 1400)


def spirals(_: Path) -> Rows:
    """Give two noisy arms of one and a half turns: 600 to train, 1,000 to select, 1,000 to compare."""
    draw = np.random.default_rng(0)
    arm = draw.integers(0, 2, size=2600)
    length = np.sqrt(draw.random(2600))
    angle = 3 * np.pi * length + np.pi * arm
    points = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _split(points + draw.normal(0, 0.05, points.shape), torch.from_numpy(arm).long(), 600)


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


def _standardized(target: Numbers) -> Tensor:
    return torch.from_numpy((target - target.mean()) / target.std()).float()


def _split(inputs: Numbers, target: Tensor, training: int) -> Rows:
    """Split rows, always in the same way, and bring each input to mean 0 and s.d. 1 on the training rows."""
    x = torch.from_numpy(inputs).float()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    rest = len(x) - training
    parts = order.split([training, rest // 2, rest - rest // 2])
    mean, spread = x[parts[0]].mean(0), x[parts[0]].std(0)
    x = ((x - mean) / torch.where(spread > 0, spread, 1.0)).clamp(-LARGEST, LARGEST)
    first, second, third = ((x[rows], target[rows]) for rows in parts)
    return Rows(training=first, selection=second, comparison=third)
