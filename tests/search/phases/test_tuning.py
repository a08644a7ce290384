"""Hyperparameters are searched with the activations, and no baseline loses for want of tuning."""

import json
import subprocess
import sys
from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from autoact import run_search
from autoact.errors import ConfigurationError
from autoact.records import Ledger
from autoact.search import SearchResult
from tests.search.models import CurveData
from tests.search.planted import Planted

RATES = {"model.lr": {"log": [1e-4, 1e-1]}}
BUDGET, SEEDS = 11, 4
EACH = BUDGET - 1  # trials of the search, and of each baseline's tuning
PLANTED: dict[str, Any] = {
    "space": ["relu", "tanh"],
    "budget": BUDGET,
    "seeds": SEEDS,
    "selection_seeds": 1,
    "seed": 4,
    "trainer": {"max_epochs": 1, "limit_train_batches": 1, "accelerator": "cpu"},
    "quiet": True,
}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, Path]:
    out = tmp_path_factory.mktemp("tuned") / "run"
    return run_search(Planted, CurveData, out=out, parameters=RATES, **PLANTED), out


@pytest.mark.slow
def test_the_plant_would_fool_a_search_at_one_rate(tmp_path: Path) -> None:
    result = run_search(Planted, CurveData, out=tmp_path / "run", **PLANTED)
    assert result.verdict == "improved"
    assert result.report["chosen"]["net.1"]["activation"] == "tanh"
    assert "tuning" not in result.report["cost"]
    assert result.hyperparameters == {}
    assert not (tmp_path / "run" / "hyperparameters.yaml").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("budget", "seed"),
    [
        (6, 0),
        *(pytest.param(b, s, marks=pytest.mark.slow) for b, s in ((11, 1), *product((3, 6, 20), (5,)))),
        *(pytest.param(b, s, marks=pytest.mark.long) for b, s in product((3, 6, 20), (6, 7))),
    ],
)
def test_a_tuned_original_is_not_beaten_by_a_better_rate(tmp_path: Path, budget: int, seed: int) -> None:
    settings = {**PLANTED, "budget": budget, "seed": seed, "seeds": 2}
    result = run_search(Planted, CurveData, out=tmp_path / "run", parameters=RATES, **settings)
    assert result.verdict in ("no significant difference", "worse")


@pytest.mark.slow
def test_tanh_found_at_the_models_own_rate_gives_way_to_the_tuned_original(tmp_path: Path) -> None:
    # Two trials, both at the model's own rate: tanh wins the search by far.
    settings = {**PLANTED, "budget": 3, "seed": 0}
    narrow = {"model.lr": {"log": [9e-4, 1.1e-3]}}
    result = run_search(Planted, CurveData, out=tmp_path / "run", parameters=narrow, **settings)
    tried = Ledger(tmp_path / "run" / "trainings.jsonl").of("trial")
    best = min(tried, key=lambda training: training.selection)
    assert [str(choice) for choice in (best.assignment or {}).values()] == ["tanh"]
    assert result.report["chosen"]["net.1"]["activation"] == "relu"
    assert 9e-4 <= result.hyperparameters["model.lr"] <= 1.1e-3
    assert result.verdict == "no significant difference"
    assert result.report["baselines"]["original"]["selection"][0] < 1.1


@pytest.mark.slow
def test_every_baseline_gets_as_many_trainings_as_the_search(tuned: tuple[SearchResult, Path]) -> None:
    result, out = tuned
    ledger = Ledger(out / "trainings.jsonl")
    searched = sum(1 for _ in ledger.of("trial"))
    per_baseline = Counter(training.label for training in ledger.of("tuning"))
    assert searched == EACH
    assert set(per_baseline.values()) == {EACH}
    # the original is ReLU everywhere: one of relu and tanh has the selected model's activations, or neither
    chosen = result.report["chosen"]["net.1"]["activation"]
    assert set(per_baseline) == {"relu": {"tanh"}, "tanh": {"original"}}[chosen]
    cost = result.report["cost"]
    assert cost["tuning"]["trainings"] == len(per_baseline) * EACH
    assert list(cost) == ["search", "tuning", "baselines", "confirmation"]
    assert cost["search"]["trainings"] == BUDGET


def test_baselines_try_the_models_own_rate_and_the_selected_models(tuned: tuple[SearchResult, Path]) -> None:
    result, out = tuned
    for label in {training.label for training in Ledger(out / "trainings.jsonl").of("tuning")}:
        tried = [e for e in Ledger(out / "trainings.jsonl").of("tuning") if e.label == label]
        rates = [training.hyperparameters["model.lr"] for training in tried]
        assert result.hyperparameters["model.lr"] != 1e-2
        assert rates[:2] == [1e-2, result.hyperparameters["model.lr"]]
        assert all(isinstance(rate, float) and 1e-4 <= rate <= 1e-1 for rate in rates)
        assert len({training.key for training in tried}) == len(set(rates))


def test_the_chosen_values_are_the_ones_that_are_confirmed(tuned: tuple[SearchResult, Path]) -> None:
    result, out = tuned
    found = result.report["hyperparameters"]
    assert found["searched"] == RATES
    assert found["own"] == {"model.lr": 1e-2}
    assert yaml.safe_load((out / "hyperparameters.yaml").read_text()) == found["chosen"]
    assert found["trainings_per_baseline"] == EACH
    rates = {
        e.label: e.hyperparameters["model.lr"] for e in Ledger(out / "trainings.jsonl").of("confirmation")
    }
    assert rates["selected"] == found["chosen"]["model.lr"] == result.hyperparameters["model.lr"]
    if "original" in rates:
        assert rates["original"] == found["baselines"]["original"]["model.lr"]
    assert Planted.load_from_checkpoint(out / "checkpoints" / "final.ckpt").lr == rates["selected"]


def test_the_study_varies_the_rate_beside_the_activations(tuned: tuple[SearchResult, Path]) -> None:
    storage = f"sqlite:///{tuned[1] / 'study.db'}"
    names = [
        name for name in optuna.get_all_study_names(storage) if not name.endswith(("-tanh", "-original"))
    ]
    (study,) = (optuna.load_study(study_name=name, storage=storage) for name in names)
    assert all(set(trial.params) == {"net.1", "model.lr"} for trial in study.trials)
    assert study.trials[0].params["model.lr"] == 1e-2


def test_a_finished_run_is_read_and_another_range_is_refused(tuned: tuple[SearchResult, Path]) -> None:
    result, out = tuned
    again = run_search(Planted, CurveData, out=out, resume=True, parameters=RATES, **PLANTED)
    assert again.report == result.report
    for changed in ({}, {"model.lr": {"log": [1e-4, 1]}}):
        with pytest.raises(ConfigurationError, match=r"parameters was .*model\.lr"):
            run_search(Planted, CurveData, out=out, resume=True, parameters=changed, **PLANTED)


KILLED = """
import os, signal, sys
from pathlib import Path
from autoact import run_search
from autoact.search.trainings import Trainings
from tests.search.models import CurveData
from tests.search.planted import Planted
from tests.search.phases.test_tuning import PLANTED, RATES

done = Trainings._keep
def keep(self, ended, tell):
    done(self, ended, tell)
    if sum(1 for _ in self.ledger.of("tuning")) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
Trainings._keep = keep
run_search(Planted, CurveData, out=Path(sys.argv[1]), parameters=RATES, **PLANTED)
"""


@pytest.mark.slow
@pytest.mark.parametrize("done", [3, pytest.param(9, marks=pytest.mark.long)])
def test_kill_9_while_a_baseline_is_tuned_and_resume(
    tuned: tuple[SearchResult, Path], tmp_path: Path, done: int
) -> None:
    out = tmp_path / "run"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(out), str(done)], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -9, killed.stderr
    result = run_search(Planted, CurveData, out=out, resume=True, parameters=RATES, **PLANTED)
    assert _values(out) == _values(tuned[1])
    assert result.report["verdict"] == tuned[0].report["verdict"]
    assert result.report["hyperparameters"] == tuned[0].report["hyperparameters"]


def _values(out: Path) -> list[tuple[Any, ...]]:
    trainings = Ledger(out / "trainings.jsonl").trainings[1:]
    return [(e.phase, e.label, e.key, e.seed, e.selection, e.comparison) for e in trainings]


def test_a_small_budget_does_not_make_the_tuning_of_baselines_small() -> None:
    settings = {**PLANTED, "budget": 3}
    plan = run_search(Planted, CurveData, dry_run=True, parameters=RATES, **settings).plan
    assert plan is not None
    assert (plan.counts.trials, plan.counts.tuning_each) == (2, 8)
    assert (
        "16  tuning of the baselines (2 models, 8 each: the least for a fair comparison)" in plan.describe()
    )


@pytest.mark.slow
def test_few_choices_are_tried_again_on_other_seeds(tmp_path: Path) -> None:
    settings = {**PLANTED, "budget": 3, "seeds": 2}
    two = {"model.lr": {"choice": [1e-2, 1e-3]}}
    run_search(Planted, CurveData, out=tmp_path / "run", parameters=two, **settings)
    tried = [(e.label, e.key, e.seed) for e in Ledger(tmp_path / "run" / "trainings.jsonl").of("tuning")]
    assert len(tried) == len(set(tried)) > len({key for _, key, _ in tried})


@pytest.mark.slow
def test_a_budget_without_trials_tunes_nobody(tmp_path: Path) -> None:
    settings = {**PLANTED, "budget": 1, "seeds": 2}
    result = run_search(Planted, CurveData, out=tmp_path / "run", parameters=RATES, **settings)
    assert result.hyperparameters == {}
    assert "tuning" not in result.report["cost"]
    assert result.plan is not None
    assert result.plan.counts.tuning == 0


def test_the_announcement_tells_range_rule_and_cost() -> None:
    result = run_search(Planted, CurveData, dry_run=True, parameters=RATES, **PLANTED)
    assert result.plan is not None
    text = result.plan.describe()
    assert "model.lr  0.0001 to 0.1, log scale, now 0.01" in text
    assert "20  tuning of the baselines (2 models, 10 each: as many as the search tries)" in text
    assert f"{BUDGET + 2 * EACH + 4 + 3 * SEEDS}  in all" in text


@pytest.mark.parametrize(
    ("model", "parameters", "message"),
    [
        (lambda: Planted(), RATES, r"takes no argument 'lr' \(model.lr\)"),
        (
            Planted,
            {"model.rate": {"log": [1e-4, 1]}},
            "takes no argument 'rate'.* it takes lr, width, hidden",
        ),
        (Planted, {"model.width": {"int": [-3, 8]}}, "cannot be made with model.width -3"),
        (Planted, {"model.net.lr": {"log": [1e-4, 1]}}, "only a model given as class_path"),
    ],
)
def test_parameters_that_the_model_does_not_have(model: Any, parameters: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run_search(model, CurveData, dry_run=True, parameters=parameters, **PLANTED)


def test_a_partial_keeps_what_it_gives() -> None:
    plan = run_search(partial(Planted, lr=0.05), CurveData, dry_run=True, parameters=RATES, **PLANTED).plan
    assert plan is not None
    assert plan.own == {"model.lr": 0.05}


@pytest.mark.slow
def test_reports_of_runs_without_parameters_are_as_before(tmp_path: Path) -> None:
    settings = {**PLANTED, "budget": 2, "seeds": 2}
    run_search(Planted, CurveData, out=tmp_path / "run", **settings)
    assert "hyperparameters" not in json.loads((tmp_path / "run" / "report.json").read_text())
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["search"]["parameters"] == {}
