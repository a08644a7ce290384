"""The load test runs, and nothing in it grows with the square of a run."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Ledger, Training
from autoact.search.setup import Settings, seeds_for
from autoact.search.trainings import Trainings
from scripts.benchmarks.load import load
from scripts.benchmarks.load.stand_ins import WORKERS, Crowd, random_assignments


@pytest.mark.long
@pytest.mark.slow
def test_one_line_per_measurement(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert load.main(["--short", "--json", str(tmp_path / "load.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 32
    assert any("200 workers: 60 trainings" in line for line in lines)
    assert (tmp_path / "load.json").stat().st_size > 1000


def calls(work: Callable[[], Any]) -> int:
    """Return how many functions, and steps of generators, of this thread some work takes."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def asked(count: int) -> list[Training]:
    return [
        Training(phase="baseline", label="any", assignment=one, seed=seed, hyperparameters={"lr": seed % 7})
        for seed, one in enumerate(random_assignments(count, 2, ["relu", "tanh"]))
    ]


@pytest.mark.slow
def test_trainings_of_two_hundred_workers_take_as_many_steps_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(WORKERS) as threads:
        counts = []
        for number in (400, 1600):
            ledger = Ledger(tmp_path / f"{number}.jsonl")
            task: Any = None
            trainings = Trainings(Crowd(threads), task, ledger)
            wanted = asked(number)
            counts.append(calls(partial(trainings.run, wanted)) / number)
            assert len({t.seed for t in ledger.trainings}) == number
    assert counts[1] < 1.5 * counts[0]


def test_the_number_of_a_seed_takes_the_same_steps_in_any_trial() -> None:
    seeds = seeds_for(Settings(monitor="value", mode="min", budget=3000, seeds=2))
    wanted = [(seeds.search[number % 3], number) for number in range(3000)]
    assert [seeds.number(*each) for each in wanted] == [number % 3 for number in range(3000)]
    assert calls(lambda: [seeds.number(*each) for each in wanted]) < 10 * len(wanted)
