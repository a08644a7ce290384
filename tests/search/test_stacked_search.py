"""A search in stacks: announced, kept in the run, gone on with, and as exact as one by one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from autoact import run_search
from autoact.errors import ConfigurationError
from autoact.records import Ledger, Report, Training
from autoact.search.phases import _stack_size
from autoact.training.stack import train_stack
from tests.search.models import SEARCH, SMALLEST, Curve, CurveData, Diverging

Sizes = list[int]


class Speed(float):
    reason = "the step draws random numbers"


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Sizes:
    """Note the sizes of the stacks, which are said to be 3.5 times as fast."""
    found: Sizes = []

    def counted(make: Any, data: Any, members: Any, **more: Any) -> Any:
        found.append(len(members))
        return train_stack(make, data, members, **more)

    monkeypatch.setattr("autoact.search.trainings._performing.train_stack", counted)
    faster(monkeypatch, 3.5)
    return found


def faster(monkeypatch: pytest.MonkeyPatch, speed: float) -> None:
    monkeypatch.setattr(_stack_size, "stack_speed", lambda *_, **__: Speed(speed))


def kept(run: Path) -> list[Training]:
    return Ledger(run / "trainings.jsonl").trainings


def configured(run: Path) -> Any:
    return yaml.safe_load((run / "config.yaml").read_text())


@pytest.mark.slow
def test_a_search_trains_in_stacks_as_announced_and_its_budget_is_exact(
    sizes: Sizes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_search(Curve, CurveData, out=tmp_path / "run", **{**SEARCH, "quiet": False})
    assert max(sizes) > 1
    assert sizes.count(1) >= SEARCH["budget"] - 11  # trials that come one by one are stacks of one
    assert (
        "Up to 32 trainings are done as one batched model, 3.5 times as fast as one by one; after the"
        in capsys.readouterr().out
    )
    assert (
        result.report["stack"]
        == {"size": 32, "round": 1, "speed": 3.5, "reason": ""}
        == configured(tmp_path / "run")["stack"]
    )
    trainings = kept(tmp_path / "run")
    searched = [t for t in trainings if t.phase in ("one-shot", "trial")]
    assert len(searched) == SEARCH["budget"]
    assert [t.trial for t in searched if t.phase == "trial"] == list(range(SEARCH["budget"] - 1))
    places = [(t.phase, t.key, t.seed, t.trial) for t in trainings]
    assert len(set(places)) == len(places)
    compared = [t for t in trainings if t.phase == "confirmation"]
    assert all(t.comparison is not None for t in compared)
    assert all(t.comparison is None for t in trainings if t.phase != "confirmation")
    assert Report.load(tmp_path / "run" / "report.json").verdict is not None
    assert list((tmp_path / "run").rglob("*.ckpt"))


@pytest.mark.slow
def test_without_a_budget_as_many_are_tried_as_take_the_time_of_20(sizes: Sizes, tmp_path: Path) -> None:
    settings = {name: value for name, value in SMALLEST.items() if name != "budget"}
    plan = partial(run_search, Curve, CurveData, dry_run=True, **settings)
    found = plan().plan
    assert found is not None
    assert (found.counts.search, found.stack.round) == (70, 8)
    assert plan(budget=7).plan.counts.search == 7  # type: ignore[union-attr]
    assert plan(stack="off").plan.counts.search == 20  # type: ignore[union-attr]


@pytest.mark.slow
def test_speed_decides_and_says_why_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = partial(run_search, Curve, CurveData, dry_run=True, **{**SMALLEST, "quiet": False})

    def said(**changes: Any) -> str:
        plan(**changes)
        return capsys.readouterr().out

    faster(monkeypatch, 1.05)
    assert "Trained one by one: 8 as one take 1.0 times as long as one by one" in said()
    assert "Up to 4 trainings are done as one batched model, 1.1 times as fast" in said(stack=4), (
        "what is asked for is done"
    )
    faster(monkeypatch, 0.0)
    assert "Trained one by one: the step draws random numbers" in said()
    assert "Trained one by one: the step draws random numbers" in said(stack=4)
    faster(monkeypatch, 9.0)
    assert "Trained one by one: a pruner" in said(pruner=optuna.pruners.MedianPruner())
    assert "Trained" not in said(stack="off")


def test_memory_halves_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def limited(*_: Any, size: int, **__: Any) -> Speed:
        tried.append(size)
        if size > 4:
            raise RuntimeError("CUDA out of memory")
        return Speed(2.0)

    monkeypatch.setattr(_stack_size, "stack_speed", limited)
    plan = run_search(Curve, CurveData, dry_run=True, stack=12, **SMALLEST).plan
    assert plan is not None
    assert (tried, plan.stack.size) == ([12, 6, 3], 3)


@pytest.mark.slow
def test_a_resumed_run_keeps_its_stacks_and_its_budget(
    sizes: Sizes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, settings = tmp_path / "run", {name: value for name, value in SEARCH.items() if name != "budget"}
    faster(monkeypatch, 0.45 * 3)  # 27 trainings
    monkeypatch.setattr("autoact.search.trainings._performing.train_stack", interrupted(after=2))
    with pytest.raises(KeyboardInterrupt):
        run_search(Curve, CurveData, out=out, stack=4, **settings)
    before = kept(out)
    assert [t.phase for t in before] == ["probe", "one-shot"] + ["trial"] * 7
    faster(monkeypatch, 1.0)  # is measured once
    monkeypatch.setattr("autoact.search.trainings._performing.train_stack", train_stack)
    result = run_search(Curve, CurveData, out=out, resume=True, **settings)
    assert kept(out)[: len(before)] == before
    assert (result.report["stack"]["size"], result.report["budget"]) == (4, 27)
    assert sum(t.phase == "trial" for t in kept(out)) == 26
    assert configured(out)["search"]["budget"] == 27


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, pytest.param(2, marks=pytest.mark.long), 3])
def test_a_run_whose_first_stack_is_halved_is_resumed_as_if_undisturbed(
    sizes: Sizes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, after: int
) -> None:
    """It is interrupted between the halves, after both, and a round later."""
    settings = {**SEARCH, "stack": 4, "budget": 13}

    def small(train: Callable[..., Any]) -> Callable[..., Any]:
        def limited(make: Any, data: Any, members: Any, **more: Any) -> Any:
            if len(members) > 2:
                raise RuntimeError("CUDA out of memory")
            return train(make, data, members, **more)

        return limited

    place = "autoact.search.trainings._performing.train_stack"
    monkeypatch.setattr(place, small(train_stack))
    run_search(Curve, CurveData, out=tmp_path / "whole", **settings)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(place, small(interrupted(after)))
        run_search(Curve, CurveData, out=tmp_path / "run", **settings)
    before = [t.phase for t in kept(tmp_path / "run")].count("trial")
    assert before == {1: 0, 2: 4, 3: 6}[after]
    assert configured(tmp_path / "run")["stack"]["size"] == (4 if after == 1 else 2)
    run_search(Curve, CurveData, out=tmp_path / "run", resume=True, **settings)
    ends = [
        [(t.phase, t.key, t.seed, t.selection, t.comparison) for t in kept(tmp_path / name)[1:]]
        for name in ("whole", "run")
    ]
    assert ends[0] == ends[1]


@pytest.mark.slow
def test_what_could_not_be_stacked_is_not_when_the_same_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    faster(monkeypatch, 0.0)
    run = partial(run_search, Curve, CurveData, out=tmp_path / "run", stack=4, **{**SMALLEST, "looks": None})
    assert run().report["stack"]["size"] == 1
    again = run(resume=True, budget=3).report["stack"]
    assert (again["size"], again["round"], again["reason"]) == (1, 1, Speed.reason)


def interrupted(after: int) -> Callable[..., Any]:
    done: list[int] = []

    def train(make: Any, data: Any, members: Any, **more: Any) -> Any:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(len(members))
        return train_stack(make, data, members, **more)

    return train


@pytest.mark.slow
@pytest.mark.long
def test_each_worker_trains_stacks_within_the_time_of_the_run(tmp_path: Path) -> None:
    more = {"workers": 2, "stack": 3, "budget": 12, "hours": 1}
    result = run_search(Curve, CurveData, out=tmp_path / "run", **{**SEARCH, **more})
    trainings = kept(tmp_path / "run")
    assert sorted(t.trial for t in trainings if t.phase == "trial" and t.trial is not None)[:10] == [
        *range(10)
    ]
    assert sum(t.share for t in trainings if t.phase in ("one-shot", "trial")) <= 12
    assert {t.state for t in trainings} == {"finished"}
    assert len({t.seconds for t in trainings}) < len(trainings), "those of a stack share its time"
    assert result.report["stack"]["size"] == 3
    assert not any(t.remark for t in trainings)


@pytest.mark.parametrize("how", ["nan", "raise"])
@pytest.mark.slow
def test_what_fails_in_a_stack_leaves_the_others_alone(sizes: Sizes, tmp_path: Path, how: str) -> None:
    run_search(partial(Diverging, "Tanh", how), CurveData, out=tmp_path / "run", **SEARCH)
    states = {
        (t.assignment["net.1"].activation == "tanh", t.state)
        for t in kept(tmp_path / "run")
        if t.assignment is not None
    }
    assert states <= {(True, "diverged" if how == "nan" else "failed"), (False, "finished")}


def test_a_function_has_no_stack() -> None:
    with pytest.raises(ConfigurationError, match="stack is for a model"):
        run_search(objective=lambda a, s, f: 1.0, layers=["a"], mode="min", dry_run=True, stack=4)
