"""A whole search on a small model: what it writes, reads, counts and concludes."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
import yaml
from torch.utils.data import DataLoader, TensorDataset

from autoact import Assignment, run_search
from autoact.errors import ConfigurationError, RunDirectoryError, SearchFailedError
from autoact.records import Ledger
from autoact.search import SearchResult, compare
from tests.search.models import STEPS, TRAINER, Curve, CurveData, Diverging, Watched

SMALL: dict[str, Any] = {
    "space": ["relu", "tanh", "elu"],
    "budget": 8,
    "seeds": 3,
    "selection_seeds": 2,
    "trainer": TRAINER,
    "quiet": True,
}
FILES = {
    "config.yaml",
    "study.db",
    "assignment.yaml",
    "report.html",
    "report.json",
    "leaderboard.csv",
    "tensorboard",
    "checkpoints",
    "trainings.jsonl",
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, Path, str]:
    """A finished search, its directory, and the log of its model and data."""
    folder = tmp_path_factory.mktemp("search")
    out, log = folder / "run", folder / "log"
    data = CurveData(str(log), str(out / "assignment.yaml"))
    result = run_search(partial(Watched, str(log)), data, out=out, **SMALL)
    return result, out, log.read_text()


@pytest.mark.slow
def test_the_run_directory_holds_what_the_contract_names(watched: tuple[SearchResult, Path, str]) -> None:
    result, out, _ = watched
    assert {file.name for file in out.iterdir() if not file.name.startswith(".")} == FILES
    assert result.run_dir == out
    written = json.loads((out / "report.json").read_text())
    assert {name: value for name, value in written.items() if name != "checksum"} == result.report
    assert Assignment.load(out / "assignment.yaml") == result.assignment
    assert yaml.safe_load((out / "config.yaml").read_text())["search"]["budget"] == 8


def test_the_report_has_the_schema_of_the_contract(watched: tuple[SearchResult, Path, str]) -> None:
    report = watched[0].report
    assert report["schema"] == 2
    assert (report["metric"], report["mode"], report["budget"]) == ("val_loss", "min", 8)
    assert set(report["cost"]) == {"search", "baselines", "confirmation"}
    assert set(report["chosen"]) == {"net.1", "net.3"}
    assert set(report["baselines"]) == {"original", "relu", "tanh", "elu"}
    assert all(1 <= len(values["selection"]) <= 4 for values in report["baselines"].values())
    assert {len(report["confirmation"][part]) for part in ("seeds", "selection", "comparison")} == {3}
    assert set(report["latency"]) >= {"chosen", "original"}
    assert set(report["comparisons"]) == {"original", "best_uniform"}
    for compared in report["comparisons"].values():
        assert set(compared) >= {"name", "difference", "ci95", "p_value", "detectable"}


def test_the_verdict_follows_from_the_values_in_the_report(watched: tuple[SearchResult, Path, str]) -> None:
    report = watched[0].report
    ours = report["confirmation"]["comparison"]
    confirmed = list(Ledger(watched[1] / "trainings.jsonl").of("confirmation"))
    kept = {(training.key, training.seed): training.rows for training in confirmed}
    mine = next(training for training in confirmed if training.label == "selected").key
    for role, compared in report["comparisons"].items():
        name = compared["name"]
        other = next((t.key for t in confirmed if t.label == name), mine)
        groups = [(kept[mine, seed], kept[other, seed]) for seed in report["confirmation"]["seeds"]]
        again = compare(ours, report["baselines"][name]["comparison"], "min", groups=groups)
        assert again.difference == pytest.approx(compared["difference"])
        assert list(again.ci95) == pytest.approx(compared["ci95"])
        assert role == "best_uniform" or again.verdict == report["verdict"] == watched[0].verdict


def test_the_best_uniform_is_the_one_believed_to_be_best(watched: tuple[SearchResult, Path, str]) -> None:
    report, ledger = watched[0].report, Ledger(watched[1] / "trainings.jsonl")
    keys = {training.label: training.key for training in ledger.of("baseline")}
    means = {
        name: report["beliefs"][keys["original" if name == "relu" else name]]["mean"]
        for name in ("relu", "tanh", "elu")
    }
    assert report["comparisons"]["best_uniform"]["name"] == min(means, key=means.__getitem__)


def test_test_data_are_read_after_the_choice_and_once_per_confirmed_model(
    watched: tuple[SearchResult, Path, str],
) -> None:
    result, out, log = watched
    confirmed = list(Ledger(out / "trainings.jsonl").of("confirmation"))
    readings = [line for line in log.splitlines() if line.startswith("test")]
    assert readings == ["test True"] * len(confirmed)
    assert len({(training.key, training.seed) for training in confirmed}) == len(confirmed)
    assert all(
        training.comparison is None for training in Ledger(out / "trainings.jsonl").of("trial", "baseline")
    )
    assert result.report["comparison_data"] == "test loader"


def test_cost_counts_the_optimizer_steps_that_were_done(watched: tuple[SearchResult, Path, str]) -> None:
    result, _, log = watched
    cost = result.report["cost"]
    counted = log.splitlines().count("step")
    assert sum(part["steps"] for part in cost.values()) == pytest.approx(counted, rel=0.01)
    assert cost["search"]["trainings"] == 8
    probe_steps = cost["search"]["steps"] - 8 * STEPS
    assert 0 < probe_steps <= 7
    assert cost["baselines"]["steps"] == cost["baselines"]["trainings"] * STEPS


def test_phases_share_no_seed_and_confirmed_models_are_paired(
    watched: tuple[SearchResult, Path, str],
) -> None:
    ledger = Ledger(watched[1] / "trainings.jsonl")
    searched = {training.seed for training in ledger.trainings if training.trial is not None}
    selected = {training.seed for training in ledger.of("baseline") if training.trial is None}
    confirmed = {training.seed for training in ledger.of("confirmation")}
    assert len(confirmed) == 3
    assert selected
    assert not searched & selected
    assert not (searched | selected) & confirmed
    for key in {training.key for training in ledger.of("confirmation")}:
        assert [t.seed for t in ledger.of("confirmation") if t.key == key] == watched[0].report[
            "confirmation"
        ]["seeds"]


def test_the_study_holds_the_one_shot_choice_first_and_true_values(
    watched: tuple[SearchResult, Path, str],
) -> None:
    out = watched[1]
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out / 'study.db'}")
    assert study.trials[0].user_attrs.get("label") == "one-shot choice"
    ledger = Ledger(out / "trainings.jsonl")
    values = {t.trial: t.selection for t in ledger.trainings if t.trial is not None}
    assert {trial.number: trial.value for trial in study.trials} == values
    assert sum(1 for _ in ledger.of("trial")) == 7


def test_the_checkpoint_is_the_selected_model_of_the_first_seed(
    watched: tuple[SearchResult, Path, str],
) -> None:
    result, out, _ = watched
    checkpoint = out / "checkpoints" / "final.ckpt"
    module = Watched.load_from_checkpoint(checkpoint, log=str(out / "unused"))
    x, y = next(iter(CurveData().val_dataloader()))
    with torch.no_grad():
        loss = float(torch.nn.functional.mse_loss(module(x), y))
    assert loss == pytest.approx(result.report["confirmation"]["selection"][0], rel=1e-5)


def test_tensorboard_has_one_run_for_every_training_and_one_for_the_search(
    watched: tuple[SearchResult, Path, str],
) -> None:
    runs = {folder.name for folder in (watched[1] / "tensorboard").iterdir()}
    others = {"one-shot", "search", "original", "chosen", *(f"trial-{number:04d}" for number in range(7))}
    trained = Ledger(watched[1] / "trainings.jsonl").of("baseline", "confirmation")
    assert runs == others | {f"{t.phase}-{t.label.replace(' ', '_')}-{t.seed}" for t in trained}


def test_the_summary_says_verdict_and_place(watched: tuple[SearchResult, Path, str]) -> None:
    summary = watched[0].summary()
    assert f"Verdict: {watched[0].verdict}" in summary
    assert "report.html" in summary


def test_a_finished_run_is_read_not_repeated(watched: tuple[SearchResult, Path, str]) -> None:
    result, out, log = watched
    again = run_search(partial(Watched, str(out.parent / "log")), CurveData(), out=out, resume=True, **SMALL)
    assert (again.report, again.assignment) == (result.report, result.assignment)
    assert (out.parent / "log").read_text() == log


@pytest.mark.slow
@pytest.mark.parametrize("stack", ["off", pytest.param(4, marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_search(tmp_path: Path, stack: Any) -> None:
    settings = {**SMALL, "budget": 4, "seeds": 2, "selection_seeds": 1, "stack": stack}
    once, again = (run_search(Curve, CurveData, out=tmp_path / name, **settings).report for name in "ab")
    assert again["confirmation"] == once["confirmation"]
    assert again["baselines"] == once["baselines"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 7}, r"budget was 8 and is 7 now.* resume it with the old budget or a larger one"),
        ({"seeds": 2}, r"seeds was 3 and is 2 now"),
        ({"monitor": "train_loss"}, r"monitor was 'val_loss'"),
        ({"space": ["relu", "tanh"]}, "space was .*'elu'.* and is "),
        ({"trainer": {**TRAINER, "max_epochs": 5}}, "trainer was .*'max_epochs': 2"),
    ],
)
def test_a_run_cannot_be_resumed_as_another(
    watched: tuple[SearchResult, Path, str], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run_search(Curve, CurveData, out=watched[1], resume=True, **{**SMALL, **changes})


def test_an_existing_run_is_refused_and_untouched(watched: tuple[SearchResult, Path, str]) -> None:
    out = watched[1]
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    with pytest.raises(RunDirectoryError, match=f"out='{out}', resume=True"):
        run_search(Curve, CurveData, out=out, **SMALL)
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before


@pytest.mark.slow
def test_larger_can_be_better_and_half_of_the_validation_data_compares(tmp_path: Path) -> None:
    train, validation = CurveData().train_dataloader(), CurveData().val_dataloader()
    settings = {**SMALL, "space": ["relu", "tanh"], "budget": 3, "selection_seeds": 1, "seeds": 2}
    result = run_search(Curve, (train, validation), out=tmp_path / "run", mode="max", **settings)
    report = result.report
    tried = [t for t in Ledger(tmp_path / "run" / "trainings.jsonl").trainings if t.key in report["beliefs"]]
    best = max(tried, key=lambda training: report["beliefs"][training.key]["mean"])
    assert best.assignment is not None
    assert report["comparison_data"] == "half of the validation data"
    assert best.assignment.to_dict()["layers"] == report["recommendation"]["searched"]
    ours, theirs = report["confirmation"]["comparison"], report["baselines"]["original"]["comparison"]
    assert report["comparisons"]["original"]["difference"] == pytest.approx(
        sum(a - b for a, b in zip(ours, theirs, strict=True)) / 2, abs=1e-6
    )


@pytest.mark.slow
def test_a_budget_of_one_takes_the_one_shot_choice(tmp_path: Path) -> None:
    settings = {**SMALL, "budget": 1, "selection_seeds": 1, "seeds": 2}
    result = run_search(Curve, CurveData, out=tmp_path / "run", **settings)
    (one_shot,) = Ledger(tmp_path / "run" / "trainings.jsonl").of("one-shot")
    baselines = Ledger(tmp_path / "run" / "trainings.jsonl").of("baseline")
    (choice,) = (training for training in baselines if training.label == "choice")
    assert choice.assignment == one_shot.derived
    assert result.report["cost"]["search"]["trainings"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(("how", "state"), [("nan", "diverged"), ("raise", "failed")])
def test_trainings_without_a_value_are_listed_and_the_search_goes_on(
    tmp_path: Path, how: str, state: str
) -> None:
    model = partial(Diverging, "Tanh", how)
    result = run_search(model, CurveData, out=tmp_path / "run", **SMALL)
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl")
    broken = [training for training in ledger.trainings if training.state == state]
    assert broken
    assert all(t.assignment and t.assignment["net.1"].activation == "tanh" for t in broken)
    assert result.report["chosen"]["net.1"]["activation"] != "tanh"
    assert set(result.report["baselines"]["tanh"]["selection"]) == {None}  # it is not trained again
    assert len(result.report["not_finite"]) == len(broken)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    failed = {trial.number for trial in study.trials if trial.state.name == "FAIL"}
    assert failed == {training.trial for training in broken if training.trial is not None}
    if state == "failed":
        assert {training.error for training in broken} == {"RuntimeError: no memory left"}


class FailingOnce(Watched):
    """A model that raises an error in the sixth training: after five of the probe, that of the mixture."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if self.log_file.read_text().count("fit\n") == 6:
            raise RuntimeError("no memory left")


@pytest.mark.slow
def test_a_mixture_that_failed_is_not_trained_again_once_there_are_trials(tmp_path: Path) -> None:
    settings = {**SMALL, "space": ["relu", "tanh"], "budget": 3, "selection_seeds": 1, "seeds": 2}
    model = partial(FailingOnce, str(tmp_path / "log"))
    run_search(model, CurveData, out=tmp_path / "run", **settings)
    before = (tmp_path / "run" / "trainings.jsonl").read_text()
    assert [t.state for t in Ledger(tmp_path / "run" / "trainings.jsonl").of("one-shot")] == ["failed"]
    (tmp_path / "run" / "report.json").unlink()
    (tmp_path / "run" / "assignment.yaml").unlink()
    result = run_search(model, CurveData, out=tmp_path / "run", resume=True, **settings)
    assert (tmp_path / "run" / "trainings.jsonl").read_text() == before
    assert result.report["cost"]["search"]["trainings"] == 3


class Unreadable(CurveData):
    """Data whose test part cannot be read while a file is missing."""

    def __init__(self, needed: Path) -> None:
        super().__init__()
        self.needed = needed

    def test_dataloader(self) -> Any:
        self.needed.read_text()
        return super().test_dataloader()


@pytest.mark.slow
def test_what_failed_in_the_confirmation_is_tried_again_by_a_resume(tmp_path: Path) -> None:
    settings = {**SMALL, "space": ["relu", "tanh"], "budget": 3, "selection_seeds": 1, "seeds": 2}
    data = partial(Unreadable, tmp_path / "needed")
    with pytest.raises(SearchFailedError, match=r"failed in the confirmation: FileNotFoundError"):
        run_search(Curve, data, out=tmp_path / "run", **settings)
    searched = [t for t in Ledger(tmp_path / "run" / "trainings.jsonl").trainings if t.usable]
    (tmp_path / "needed").touch()
    result = run_search(Curve, data, out=tmp_path / "run", resume=True, **settings)
    assert result.verdict is not None
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl")
    assert ledger.trainings[: len(searched)] == searched
    states = [training.state for training in ledger.of("confirmation")]
    once = len(states) // 3  # what failed was repeated at once, too
    assert states == ["failed"] * 2 * once + ["finished"] * once


@pytest.mark.slow
def test_test_data_that_give_no_number_fail_the_search_with_a_partial_report(tmp_path: Path) -> None:
    data = CurveData()
    test = DataLoader(TensorDataset(torch.full((8, 2), float("nan")), torch.zeros(8)), batch_size=8)
    settings = {**SMALL, "space": ["relu", "tanh"], "budget": 2, "selection_seeds": 1, "seeds": 2}
    with pytest.raises(SearchFailedError, match=r"comparison data gave no finite val_loss.*4 of 4 trainings"):
        run_search(
            Curve,
            (data.train_dataloader(), data.val_dataloader(), test),
            out=tmp_path / "run",
            **settings,
        )
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["verdict"] is None
    assert "comparison data gave no finite val_loss" in report["failure"]
    assert report["cost"]["confirmation"]["trainings"] > 0


@pytest.mark.slow
def test_values_by_group_of_comparison_rows_are_in_the_ledger(
    watched: tuple[SearchResult, Path, str],
) -> None:
    trainings = Ledger(watched[1] / "trainings.jsonl").trainings
    for training in trainings:
        if training.phase != "confirmation":
            assert training.rows is None
            continue
        rows = training.rows
        assert rows is not None
        assert rows.unknown is None
        assert np.average(rows.values, weights=rows.weights) == pytest.approx(training.comparison, rel=1e-5)
    assert len({t.rows.data for t in trainings if t.rows is not None}) == 1
