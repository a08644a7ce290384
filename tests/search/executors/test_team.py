"""A training on several devices is one training of as many processes, which end together."""

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact import run_search
from autoact.records import Ledger, Training
from tests.search.models import TRAINER, Curve, CurveData
from tests.search.trainings.test_interruption import alive, wait

SETTINGS: dict[str, Any] = {
    "space": ["relu", "tanh"],
    "budget": 2,
    "seeds": 2,
    "selection_seeds": 1,
    "trainer": {**TRAINER, "devices": 2, "strategy": "ddp"},
}


class Ranked(Curve):
    """A model that notes each of its trainings; the second process may end itself in that of an alternative.

    Args:
        log: File of rank, processes, batches, process, activation and weight at the end of each training.
        how: How the second process ends: "" not at all, "raise", or "exit".
    """

    def __init__(self, log: str, how: str = "") -> None:
        super().__init__()
        self.log_file, self.how = Path(log), how

    def on_train_start(self) -> None:
        if self.global_rank == 1 and isinstance(self.net[1], torch.nn.Tanh):
            if self.how == "raise":
                raise RuntimeError("only here")
            if self.how == "exit":
                os._exit(7)

    def on_train_end(self) -> None:
        with self.log_file.open("a") as file:
            weight = sum(p.sum().item() for p in self.net[0].parameters())
            name, batches = type(self.net[1]).__name__, self.trainer.num_training_batches
            print(self.global_rank, self.trainer.world_size, batches, os.getpid(), name, weight, file=file)


def done(out: Path) -> list[Training]:
    return Ledger(out / "trainings.jsonl").trainings[1:]


@pytest.mark.long  # that two processes train at all: tests/nn/test_ddp.py, tests/conversion/test_sharding.py
@pytest.mark.slow
def test_two_processes_train_one_model_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values: list[list[Any]] = []
    for name in ("one", "two"):
        out, log = tmp_path / name, tmp_path / f"{name}.log"
        result = run_search(partial(Ranked, str(log)), CurveData, out=out, **SETTINGS)
        values.append([(t.phase, t.key, t.seed, t.selection, t.comparison, t.steps) for t in done(out)])
    assert values[0] == values[1]
    assert {training.state for training in done(out)} == {"finished"}
    assert result.report["failures"] == []
    assert (out / "checkpoints" / "final.ckpt").exists()
    said = capsys.readouterr()
    assert "Each on 2 devices; steps and time are those on one" in said.out
    assert said.err == ""
    ends = [line.split() for line in log.read_text().splitlines()]
    ranks = {rank: [end for end in ends if end[:3] == [rank, "2", "2"]] for rank in "01"}  # half of 3 batches
    assert len(ranks["0"]) == len(ranks["1"]) == len(done(out))
    assert [end[4:] for end in ranks["0"]] == [end[4:] for end in ranks["1"]]  # weights
    processes = {int(end[3]) for end in ranks["0"] + ranks["1"]}
    assert len(processes) == 2
    wait(lambda: not any(map(alive, processes)), seconds=30)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "why"),
    [
        pytest.param("raise", "RuntimeError: only here", marks=pytest.mark.long),
        ("exit", "its process ended itself with exit status 7"),
    ],
)
def test_one_process_that_fails_ends_the_training_of_all(tmp_path: Path, how: str, why: str) -> None:
    log = tmp_path / "log"
    began = time.monotonic()
    settings = {**SETTINGS, "space": ["relu", "tanh", "elu"], "quiet": True}
    run_search(partial(Ranked, str(log), how), CurveData, out=tmp_path / "run", **settings)
    assert time.monotonic() - began < 300  # gloo alone waits half an hour
    lost = [training for training in done(tmp_path / "run") if training.state == "failed"]
    assert {training.error for training in lost} == {why}
    assert {"tanh"} <= {training.label for training in lost}
    assert "finished" in {training.state for training in done(tmp_path / "run")}
    processes = {int(line.split()[3]) for line in log.read_text().splitlines()} - {os.getpid()}
    assert len(processes) > 2
    wait(lambda: not any(map(alive, processes)), seconds=30)
