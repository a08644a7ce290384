"""Memory of a search stays flat, however many trainings it does: of the driver, and of what trains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.samplers import RandomSampler

from autoact import run_search
from autoact.search.executors._watchdog import can_tell_memory
from autoact.spaces import Assignment
from autoact.training import split, train
from tests.search.models import Curve, CurveData

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_tell_memory(), reason="memory is told by /proc"),
]
WARM, TRAININGS = 50, 150
MOST = 0.1  # megabytes that a training may leave behind; its entries in ledger and study are 0.01


def megabytes() -> float:
    """Return the memory of this process."""
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in each]
    return int(line.split()[1]) / 1000


def growth(taken: list[float]) -> float:
    """Return megabytes per training, from the first third on."""
    return (taken[TRAININGS - 1] - taken[WARM]) / (TRAININGS - WARM)


def test_the_driver_keeps_entries_only(tmp_path: Path) -> None:
    taken: list[float] = []

    def objective(assignment: Assignment, seed: int, fraction: float) -> float:
        taken.append(megabytes())
        return (len(str(assignment)) + seed % 7) / 10

    settings: dict[str, Any] = {"seeds": 2, "selection_seeds": 1, "sampler": RandomSampler(seed=0)}
    run_search(
        objective=objective,
        layers=["a", "b", "c"],
        mode="min",
        budget=TRAININGS,
        out=tmp_path / "run",
        quiet=True,
        **settings,
    )
    assert growth(taken) < MOST


def test_a_training_leaves_nothing_behind() -> None:
    names, taken = ("relu", "tanh", "elu", "gelu", "silu"), []
    parts, trainer = split(CurveData), {"max_epochs": 1, "accelerator": "cpu"}
    make: Callable[[], Any] = Curve
    for number in range(TRAININGS):
        chosen = {"net.1": names[number % 5], "net.3": names[number // 5 % 5]}
        train(make, parts, seed=number, monitor="val_loss", trainer=trainer, assignment=Assignment(chosen))
        taken.append(megabytes())
    assert growth(taken) < MOST
