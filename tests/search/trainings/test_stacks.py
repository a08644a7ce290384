"""Trainings in stacks: what may be one, what happens to one that cannot be trained, what the ledger gets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Ledger, Phase, Stack, Training
from autoact.search.executors import Inline
from autoact.search.trainings import Extras, Trainings
from autoact.spaces import Assignment
from autoact.training import Measurement
from autoact.training.stack import NotStackable

RELU, TANH = Assignment({"net.1": "relu"}), Assignment({"net.1": "tanh"})


@dataclass
class Stacked:
    """A task that notes how many trainings were one, and refuses stacks as it is told."""

    raises: Any = None
    largest: int = 1000
    sizes: list[int] = field(default_factory=list)
    tried: int = 0

    def measure(self, training: Training, extras: Extras) -> Measurement:
        self.sizes.append(1)
        return measured(training)

    def measure_stack(self, trainings: Sequence[Training], checkpoint: Any = None) -> list[Measurement]:
        self.tried += 1
        if len(trainings) > self.largest:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        if self.raises is not None:
            raise self.raises
        self.sizes.append(len(trainings))
        return [measured(training) for training in trainings]


class Several(Inline):
    """An executor that says it has two workers."""

    workers = 2


def measured(training: Training) -> Measurement:
    value = float("nan") if training.seed == 13 else training.seed / 100
    return Measurement(selection=value, steps=4, planned_steps=4.0, seconds=99.0)


def asked(seed: int, assignment: Assignment | None = RELU, **more: Any) -> Training:
    phase: Phase = "baseline" if assignment is not None else "one-shot"
    return Training(phase=phase, label="one", assignment=assignment, seed=seed, **more)


def trainings(task: Stacked, folder: Path, size: int = 8, executor: Any = Inline) -> Trainings:
    ledger = Ledger(folder / "trainings.jsonl")
    return Trainings(executor(task), task, ledger, stack=Stack(size=size, round=size, speed=4.0))


def test_what_waits_is_divided_into_stacks_and_kept_in_order(tmp_path: Path) -> None:
    task = Stacked()
    run = trainings(task, tmp_path)
    done = run.run([asked(seed, own) for seed in range(10, 20) for own in (RELU, TANH)])
    assert task.sizes == [7, 7, 6]
    assert [(t.seed, t.assignment) for t in run.ledger.trainings] == [(t.seed, t.assignment) for t in done]
    assert [t.seed for t in done if t.state == "diverged"] == [13, 13]
    assert sum(t.state == "finished" for t in done) == 18, "one that diverges leaves the others alone"
    assert all(0 <= t.seconds < 99 for t in done), "each took its part of the time"
    assert Ledger(run.ledger.path).trainings[0].selection == 0.1


def test_only_models_with_the_same_hyperparameters_are_one(tmp_path: Path) -> None:
    task = Stacked()
    fast, slow = {"model.lr": 0.1}, {"model.lr": 0.01}
    run = trainings(task, tmp_path)
    run.run([asked(seed, hyperparameters=own) for seed in range(3) for own in (fast, slow)])
    assert task.sizes == [3, 3]
    assert [t.hyperparameters for t in run.ledger.trainings] == [fast] * 3 + [slow] * 3
    run.run([asked(0, None), asked(1, None)])
    assert task.sizes == [3, 3, 1, 1], "a mixture is trained alone"


def test_a_training_with_extras_is_done_alone(tmp_path: Path) -> None:
    task = Stacked()
    trainings(task, tmp_path).run([asked(seed) for seed in range(5)], Extras(checkpoint=tmp_path / "x"))
    assert task.sizes == [1, 4]


def test_workers_share_what_waits(tmp_path: Path) -> None:
    task = Stacked()
    trainings(task, tmp_path, executor=Several).run([asked(seed) for seed in range(6)])
    assert task.sizes == [3, 3]


@pytest.mark.parametrize("error", [NotStackable("the step draws numbers"), ValueError("bad")])
def test_a_stack_that_cannot_be_trained_is_done_one_by_one_and_said_once(
    tmp_path: Path, error: Exception
) -> None:
    task, said = Stacked(raises=error), list[str]()
    run = trainings(task, tmp_path, size=4)
    run.finished = lambda training: said.append(training.remark or "")
    done = run.run([asked(seed) for seed in range(16)])
    assert [t.seed for t in done if t.usable] == [seed for seed in range(16) if seed != 13]
    assert len(run.ledger.trainings) == 16
    assert task.tried == 2, "after two the rest is not tried as one"
    assert [line for line in said if line] == [said[0]]
    assert said[0].startswith("A stack of trainings cannot be done as one and is done one by one: ")
    assert said[0].endswith(str(error))
    assert run.stack == Stack(size=1, reason=said[0].partition("one by one: ")[2])


def test_a_stack_too_large_for_memory_is_halved_until_it_fits(tmp_path: Path) -> None:
    task, said = Stacked(largest=3), list[str]()
    run = trainings(task, tmp_path, size=8)
    run.finished = lambda training: said.append(training.remark or "")
    assert len(run.run([asked(seed) for seed in range(16)])) == 16
    assert task.sizes == [2] * 8
    assert run.stack.size == 2
    assert len(list(filter(None, said))) == 1
    assert "A stack of 8 trainings does not fit into memory and is halved: " in said[0]


@pytest.mark.parametrize("largest", [4, 3])
def test_a_stack_in_halves_is_in_the_ledger_as_a_whole_or_not_at_all(tmp_path: Path, largest: int) -> None:
    class Killed(Stacked):
        left = 1

        def measure_stack(self, trainings: Sequence[Training], checkpoint: Any = None) -> list[Measurement]:
            found = super().measure_stack(trainings, checkpoint)
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return found

    told, limits = list[int](), list[Stack]()
    run = trainings(Killed(largest=largest), tmp_path)
    run.limited = limits.append
    with pytest.raises(KeyboardInterrupt):
        run.run([asked(seed) for seed in range(8)])
    assert (run.ledger.trainings, limits) == ([], [])
    again = trainings(Stacked(largest=largest), tmp_path)
    again.limited = limits.append
    again.finished = lambda training: told.append(training.seed)
    assert len(again.run([asked(seed) for seed in range(8)])) == 8
    assert sorted(told) == [*range(8)]
    assert limits == [again.stack]
    assert again.stack.size == {4: 4, 3: 2}[largest]


def test_what_is_done_of_a_stack_in_halves_is_kept_when_time_is_over(tmp_path: Path) -> None:
    task = Stacked(largest=4)
    run = trainings(task, tmp_path)
    done = run.run([asked(seed) for seed in range(8)], over=lambda beside: bool(task.sizes))
    assert task.sizes == [4]
    assert [t.seed for t in done] == [t.seed for t in run.ledger.trainings] == [0, 1, 2, 3]


def test_without_time_for_all_a_stack_is_smaller_and_the_rest_waits(tmp_path: Path) -> None:
    task = Stacked()
    run = trainings(task, tmp_path)
    done = run.run(
        [asked(seed) for seed in range(8)], over=lambda beside: beside + len(run.ledger.trainings) >= 5
    )
    assert task.sizes == [5]
    assert [t.seed for t in done] == [0, 1, 2, 3, 4]
    assert len(run.run([asked(seed) for seed in range(8)])) == 8
    assert task.sizes == [5, 3]


def test_a_stack_that_is_interrupted_is_done_again_and_nothing_twice(tmp_path: Path) -> None:
    task = Stacked(raises=KeyboardInterrupt())
    run, every = trainings(task, tmp_path), [asked(seed) for seed in range(8)]
    with pytest.raises(KeyboardInterrupt):
        run.run(every)
    assert not run.ledger.path.exists()
    again = trainings(Stacked(), tmp_path)
    assert [t.seed for t in again.run(every)] == list(range(8))
    assert len(Ledger(run.ledger.path).trainings) == 8


def test_all_of_a_stack_are_in_the_ledger_before_any_is_told(tmp_path: Path) -> None:
    run, known = trainings(Stacked(), tmp_path), list[int]()
    jobs = [([asked(seed) for seed in range(6)], Extras()), ([], Extras())]
    run.do(
        lambda running, trained: jobs.pop(0), lambda t: known.append(len(Ledger(run.ledger.path).trainings))
    )
    assert known == [6] * 6


def test_several_trainings_are_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = list[int]()
    monkeypatch.setattr("autoact.records._ledger.os.fsync", synced.append)
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(*(replace(asked(seed), state="finished") for seed in range(5)))
    assert len(synced) == 1
    assert [t.seed for t in Ledger(ledger.path).trainings] == list(range(5))
