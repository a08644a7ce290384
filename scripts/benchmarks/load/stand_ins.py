"""Stand-ins of a load test: trainings that take no time, an executor of 200 threads, networks, candidates."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from autoact.activations import list_activations
from autoact.records import Training
from autoact.search.trainings import Extras
from autoact.spaces import Assignment

WORKERS = 200


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
        layers: Layers of the wide network.
        candidates: Its candidates.
        trainings: Of the long run, which has three layers with eight candidates.
        asks: How many of them it asks for; those before are drawn at random.
    """

    layers: int = 100
    candidates: int = 40
    trainings: int = 5000
    asks: int = 40


class Killed(BaseException):
    """End of a process, as a search sees it."""


def surface(assignment: Assignment, seed: int, fraction: float) -> float:
    """Return the value of an assignment, as an objective does; smaller is better."""
    return height(assignment, seed)


def height(assignment: Assignment, seed: int) -> float:
    """Return a number between 0 and 1, and luck of 0.02."""
    words = (f"{path} {choice.activation}" for path, choice in assignment.items())
    return float(
        np.mean([zlib.crc32(word.encode()) % 97 / 97 for word in words])
        + 0.02 * np.random.default_rng(seed).standard_normal()
    )


class Crowd:
    """Executor of 200 threads, each with a training that takes no time."""

    workers = WORKERS

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def begin(self) -> None:
        """Do nothing: threads start when they are needed."""

    def submit(self, asked: Sequence[Training], extras: Extras) -> Future[Any]:
        """Begin trainings."""
        return self._threads.submit(lambda: [done(training) for training in asked])


def done(asked: Training) -> Training:
    """Return a training with the value of its assignment."""
    assert asked.assignment is not None
    return replace(
        asked, state="finished", selection=height(asked.assignment, asked.seed), steps=100, seconds=1.0
    )


def network(layers: int) -> nn.Sequential:
    """Return a deep network of narrow layers."""
    return nn.Sequential(*(module for _ in range(layers) for module in (nn.Linear(4, 4), nn.ReLU())))


def candidates(size: Size) -> list[str]:
    """Return the names of the first activations, ReLU among them."""
    return list(dict.fromkeys(["relu", *list_activations()]))[: size.candidates]


def random_assignments(count: int, layers: int, names: Sequence[str]) -> list[Assignment]:
    """Return seeded assignments."""
    rows = np.random.default_rng(0).integers(len(names), size=(count, layers))
    return [
        Assignment({f"layer{layer}": names[number] for layer, number in enumerate(row)})
        for row in rows.tolist()
    ]
