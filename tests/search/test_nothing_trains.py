"""Searches in which few models train, or none: what is chosen, said and counted then."""

import json
from functools import partial
from pathlib import Path

import pytest

from autoact import run_search
from autoact.errors import SearchFailedError
from autoact.records import Ledger
from tests.search.models import CurveData, Diverging
from tests.search.test_run import SMALL


@pytest.mark.slow
def test_a_search_in_which_nothing_trains_fails_with_a_partial_report(tmp_path: Path) -> None:
    model = partial(Diverging, "ReLU Tanh ELU FixedActivation AutoActivation")
    with pytest.raises(
        SearchFailedError, match="Not one training of the search ended with a finite val_loss"
    ):
        run_search(model, CurveData, out=tmp_path / "run", **{**SMALL, "budget": 3})
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["verdict"] is None
    assert report["cost"]["search"]["trainings"] == 3
    assert not (tmp_path / "run" / "assignment.yaml").exists()


@pytest.mark.slow
@pytest.mark.parametrize("budget", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_original_is_the_choice_where_only_it_trains(tmp_path: Path, budget: int) -> None:
    model = partial(Diverging, "Tanh ELU FixedActivation AutoActivation")
    settings = {**SMALL, "space": ["tanh", "elu"], "budget": budget, "selection_seeds": 1, "seeds": 2}
    result = run_search(model, CurveData, out=tmp_path / "run", **settings)
    assert result.report["chosen"] == result.report["original"]
    assert result.report["comparisons"]["original"]["difference"] == 0.0
    assert result.report["comparisons"]["best_uniform"]["baseline_diverged"] == 2
    assert result.verdict == "no significant difference"
    note = "No choice that the search tried ends with a finite val_loss; the original does."
    assert result.report["note"] == note
    assert note in result.summary()


@pytest.mark.slow
@pytest.mark.parametrize(("diverging", "budget"), [("Tanh ELU", 2), ("Tanh ELU AutoActivation", 1)])
def test_a_choice_of_the_original_costs_nothing_on_top_of_the_budget(
    tmp_path: Path, diverging: str, budget: int
) -> None:
    """The mixture derives and every trial diverges, or the budget is that of the mixture and it diverges."""
    settings = {**SMALL, "space": ["tanh", "elu"], "budget": budget, "selection_seeds": 1, "seeds": 2}
    model = partial(Diverging, f"{diverging} FixedActivation")
    result = run_search(model, CurveData, out=tmp_path / "run", **settings)
    assert result.report["cost"]["search"]["trainings"] == budget
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl")
    assert not any(training.usable for training in ledger.of("trial"))
    assert result.report["chosen"] == result.report["original"]
    assert "the original does" in result.report["note"]


@pytest.mark.slow
def test_where_only_one_activation_trains_it_is_chosen_though_no_trial_had_it(tmp_path: Path) -> None:
    settings = {**SMALL, "space": ["tanh", "elu", "gelu"], "budget": 2, "selection_seeds": 1, "seeds": 2}
    model = partial(Diverging, "ReLU Tanh ELU FixedActivation")
    result = run_search(model, CurveData, out=tmp_path / "run", **settings)
    assert {choice.activation for choice in result.assignment.values()} == {"gelu"}
    assert result.report["comparisons"]["original"]["baseline_diverged"] == 2


def test_an_original_that_is_chosen_for_want_of_anything_else_must_train(tmp_path: Path) -> None:
    """Every single activation diverges; the mixture of them does not."""
    settings = {**SMALL, "space": ["tanh", "elu", "gelu"], "budget": 2, "selection_seeds": 1, "seeds": 2}
    model = partial(Diverging, "ReLU Tanh ELU GELU FixedActivation")
    with pytest.raises(
        SearchFailedError, match="Not one training of the search ended with a finite val_loss"
    ):
        run_search(model, CurveData, out=tmp_path / "run", **settings)
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl")
    assert not any(training.usable for training in ledger.of("baseline", "trial"))
    assert not list(ledger.of("confirmation"))
