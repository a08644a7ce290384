"""What raises is no loss: it is told apart from what diverges, named first, and compared with nothing."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoact import run_search
from autoact.cli import main
from autoact.errors import SearchFailedError
from autoact.records import Ledger, Training
from autoact.search import SearchResult
from autoact.search.setup import Settings, seeds_for
from autoact.spaces import Assignment
from tests.search.models import TRAINER, Curve, CurveData

SETTINGS: dict[str, Any] = {"budget": 6, "seeds": 5, "selection_seeds": 2}
SEEDS = seeds_for(Settings(monitor="objective", mode="min", **SETTINGS))
GOOD = {"relu": 1.0, "tanh": 0.5, "elu": 1.5}


def value(assignment: Assignment, seed: int) -> float:
    names = [choice.activation for choice in assignment.values()]
    return sum(map(GOOD.__getitem__, names)) + 0.01 * math.sin(seed * GOOD[names[0]])


class Objective:
    """A function that raises, or has no value, when it is told to."""

    def __init__(self, breaks: Callable[[str, int], bool], raises: bool = True) -> None:
        self.breaks, self.raises = breaks, raises
        self.calls: list[tuple[str, int]] = []

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.calls.append((str(assignment), seed))
        if not self.breaks(str(assignment), seed):
            return value(assignment, seed)
        if self.raises:
            raise IndexError("boom")
        return math.nan


def search(objective: Any, out: Path, **changes: Any) -> SearchResult:
    settings = {**SETTINGS, "space": ["relu", "tanh", "elu"], "layers": ["a"], "mode": "min", **changes}
    return run_search(objective=objective, out=out, quiet=True, **settings)


def confirmed(run: Path) -> list[Training]:
    return list(Ledger(run / "trainings.jsonl").of("confirmation"))


def test_where_every_alternative_raises_the_search_fails_and_says_why(tmp_path: Path) -> None:
    objective = Objective(lambda chosen, seed: chosen != "a=relu")
    why = r"No alternative to the original .* tanh, elu: IndexError: boom\. Correct that"
    with pytest.raises(SearchFailedError, match=why):
        search(objective, tmp_path / "run")
    report = (tmp_path / "run" / "report.json").read_text()
    assert "No alternative" in report
    assert '"verdict": null' in report


@pytest.mark.slow
def test_where_every_alternative_diverges_the_original_is_kept(tmp_path: Path) -> None:
    result = search(Objective(lambda chosen, seed: chosen != "a=relu", raises=False), tmp_path / "run")
    assert result.verdict == "no significant difference"
    assert result.report["failures"] == []


def test_what_could_not_be_trained_is_the_first_thing_said(tmp_path: Path) -> None:
    result = search(Objective(lambda chosen, seed: chosen.startswith("a=elu")), tmp_path / "run")
    lines = result.summary().splitlines()
    assert lines[:2] == ["Failures", "  elu could not be trained: IndexError: boom"]
    assert "Nothing is known of elu, which could not be trained." in result.summary()
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.index("elu could not be trained: IndexError: boom") < page.index("<h1")
    baseline = next(f for f in result.report["failures"] if f["phase"] == "baseline")
    assert baseline == {
        "what": "elu",
        "phase": "baseline",
        "seeds": [SEEDS.search[0]],
        "error": "IndexError: boom",
        "trained": 0,
    }
    assert result.verdict == "improved"


def test_what_raised_sometimes_is_said_and_its_other_seeds_count(tmp_path: Path) -> None:
    broken = SEEDS.selection[0]
    result = search(Objective(lambda chosen, seed: chosen == "a=tanh" and seed == broken), tmp_path / "run")
    assert "1 of 2 trainings (baseline, tanh) raised: IndexError: boom" in result.summary().replace(
        "the choice", "tanh"
    )
    assert result.report["comparisons"]["best_uniform"]["name"] == "tanh"


def test_what_raises_once_in_the_confirmation_is_repeated(tmp_path: Path) -> None:
    left = [2]

    def once(chosen: str, seed: int) -> bool:
        left[0] -= seed in SEEDS.confirmation
        return seed in SEEDS.confirmation and left[0] == 0

    result = search(Objective(once), tmp_path / "run")
    assert [training.state for training in confirmed(tmp_path / "run")].count("failed") == 1
    assert result.report["comparisons"]["original"]["pairs"] == SETTINGS["seeds"]
    assert result.report["comparisons"]["original"]["left_out"] == 0
    assert result.verdict == "improved"


def broken_original(count: int) -> Objective:
    """Return a function that raises for the original on so many seeds of the confirmation."""
    return Objective(lambda chosen, seed: chosen == "a=relu" and seed in SEEDS.confirmation[:count])


def test_a_pair_that_raises_again_is_left_out_and_is_no_divergence(tmp_path: Path) -> None:
    objective = broken_original(1)
    result = search(objective, tmp_path / "run")
    compared = result.report["comparisons"]["original"]
    assert (compared["pairs"], compared["left_out"], compared["baseline_diverged"]) == (4, 1, 0)
    assert result.verdict == "improved"
    assert "1 seed could not be compared, because a training raised" in result.summary()
    assert objective.calls.count(("a=relu", SEEDS.confirmation[0])) == 2


@pytest.mark.slow
def test_too_few_pairs_decide_nothing(tmp_path: Path) -> None:
    result = search(broken_original(3), tmp_path / "run")
    compared = result.report["comparisons"]["original"]
    assert (compared["pairs"], compared["left_out"]) == (2, 3)
    assert result.verdict == "no significant difference"
    assert "2 fresh paired seeds are too few to decide: trainings of 3 more raised." in result.summary()


@pytest.mark.slow
def test_a_resume_repeats_what_raised_in_the_confirmation_and_nothing_else(tmp_path: Path) -> None:
    search(broken_original(3), tmp_path / "run")
    healed = broken_original(0)
    result = search(healed, tmp_path / "run", resume=True)
    assert healed.calls == [("a=relu", seed) for seed in SEEDS.confirmation[:3]]
    assert result.verdict == "improved"
    assert result.report["comparisons"]["original"]["pairs"] == 5
    assert result.report["failures"] == []
    again = broken_original(0)
    search(again, tmp_path / "run", resume=True)
    assert again.calls == []


@pytest.mark.slow
def test_once_data_were_compared_a_resume_does_not_choose_again(tmp_path: Path) -> None:
    broken = set(SEEDS.selection)
    first = search(Objective(lambda chosen, seed: chosen == "a=tanh" and seed in broken), tmp_path / "run")
    healed = broken_original(0)
    result = search(healed, tmp_path / "run", resume=True)
    assert healed.calls == []
    assert result.assignment == first.assignment


class RaisesLate(Curve):
    """A model that raises in its second step with some activations."""

    def __init__(self, activations: str) -> None:
        super().__init__()
        self.activations = activations.split()

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        used = {type(module).__name__ for module in self.modules()}
        if self.global_step >= 2 and used & set(self.activations):
            raise IndexError("boom")
        return super().training_step(batch, batch_idx)


SMALL: dict[str, Any] = {"budget": 2, "seeds": 3, "selection_seeds": 1, "trainer": TRAINER, "quiet": True}


@pytest.mark.slow
def test_a_model_whose_alternatives_raise_is_exit_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fault A1: the mixture and every alternative end in an exception, and the verdict was "keep it"."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "model: {class_path: tests.search.test_failures.RaisesLate, "
        "init_args: {activations: Tanh AutoActivation}}\n"
        "data: {class_path: tests.search.models.CurveData}\n"
        "trainer: {max_epochs: 2, accelerator: cpu}\n"
        "space: [relu, tanh]\nsearch: {budget: 2, seeds: 3, selection_seeds: 1}\n"
    )
    assert main(["search", "--config", str(config), "--out", str(tmp_path / "run"), "--quiet"]) == 1
    said = capsys.readouterr().err
    assert "No alternative to the original activations could be trained" in said
    assert "one-shot, tanh: IndexError: boom" in said


@pytest.mark.slow
def test_a_mixture_that_raised_is_named(tmp_path: Path) -> None:
    model = partial(RaisesLate, "AutoActivation")
    result = run_search(model, CurveData, out=tmp_path / "run", space=["relu", "tanh"], **SMALL)
    assert "the mixture of all candidates could not be trained: IndexError: boom" in result.summary()


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_saved_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"

    class Blocking(CurveData):
        """Put a file where the folder of the checkpoint should be, once the choice is made."""

        def test_dataloader(self) -> Any:
            return super().test_dataloader()

        def train_dataloader(self) -> Any:
            if (out / "trainings.jsonl").exists():
                (out / "checkpoints").touch()
            return super().train_dataloader()

    result = run_search(Curve, Blocking, out=out, space=["relu", "tanh"], **SMALL)
    assert {training.state for training in confirmed(out)} == {"finished"}
    assert result.report["failures"] == []
    (remark,) = result.report["remarks"]
    assert remark.startswith(f"{out / 'checkpoints' / 'final.ckpt'} was not saved: ")
    assert result.summary().split("\n\n")[1] == remark
