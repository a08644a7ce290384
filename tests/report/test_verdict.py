"""What the report advises follows from the verdict."""

import json
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Report
from autoact.report import summarize, write_report
from autoact.report._run import read_run
from autoact.report._view import confirmed
from autoact.spaces import Assignment

pytestmark = pytest.mark.usefixtures("brief_searches")  # words, no figures

APPLY = "autoact.apply(model"
LOAD = "autoact.load_weights(model"
Change = Callable[..., str]


@pytest.fixture
def changed(run_directory: Path) -> Change:
    """Return a function that changes the report and returns page and summary."""

    def change(**changes: Any) -> str:
        file = run_directory / "report.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
        return f"{write_report(run_directory).read_text()}\n{summarize(run_directory)}"

    return change


def compared(run: Path, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text())["comparisons"]
    return {**found, "original": {**found["original"], **changes}}


def test_the_example_survives_the_types(run_directory: Path) -> None:
    report = json.loads((run_directory / "report.json").read_text())
    read = Report.load(run_directory / "report.json").to_dict()
    for key, value in report.items():
        assert read[key] == value or key == "comparisons" or isinstance(value, dict)
    assert Report.from_dict(read).to_dict() == read


def test_only_an_improvement_is_to_be_applied(changed: Change) -> None:
    assert changed().count(APPLY) == 2
    assert LOAD not in changed(), "there is no checkpoint"


def test_a_trained_model_is_named_where_there_is_one(changed: Change, run_directory: Path) -> None:
    (run_directory / "checkpoints").mkdir()
    (run_directory / "checkpoints" / "final.ckpt").touch()
    assert f"{LOAD}, &#34;{run_directory}/checkpoints/final.ckpt&#34;)" in changed()
    assert LOAD not in changed(verdict="worse")


@pytest.mark.parametrize("verdict", ["worse", "no significant difference"])
def test_otherwise_the_model_is_kept(changed: Change, verdict: str) -> None:
    said = changed(verdict=verdict)
    assert APPLY not in said
    assert said.count("Keep the model as it is.") >= 4  # twice on the page, twice in the summary


def test_seeds_that_would_decide_are_the_other_way_on(changed: Change, run_directory: Path) -> None:
    undecided = compared(run_directory, ci95=[-0.02, 0.04], seeds_needed=37)
    said = changed(verdict="no significant difference", comparisons=undecided)
    asked = "Or ask again with 27 more seeds (at most 81 trainings, 43 s in training): "
    assert said.count(f"{asked}autoact search --resume {run_directory} --seeds 37") == 2
    assert "Or ask again with" not in changed(verdict="worse")


def test_rows_that_are_missing_are_said_instead_of_seeds(changed: Change, run_directory: Path) -> None:
    rows = {"groups": 32, "sd": 0.02, "share": 0.836, "limit": True, "unknown": None}
    undecided = compared(run_directory, ci95=[-0.02, 0.04], seeds_needed=37, pairs=5, rows=rows)
    said = changed(verdict="no significant difference", comparisons=undecided)
    wanted = "84% of the variance comes from the choice of comparison rows: more seeds will not decide this"
    assert said.count(f"{wanted}; more comparison rows would.") == 2
    assert "ask again with more seeds" not in said
    assert "10 seeds a difference of one standard deviation" not in said
    assert "too few to decide" not in said
    assert wanted not in changed(verdict="improved", comparisons=compared(run_directory, rows=rows))
    grouped = compared(run_directory, ci95=[-0.02, 0.04], rows={**rows, "grouped": True})
    said = changed(verdict="no significant difference", comparisons=grouped)
    assert said.count("more seeds will not decide this; more groups of comparison rows would.") == 2


def test_why_nothing_is_known_of_rows_is_said(changed: Change, run_directory: Path) -> None:
    unknown = "val_loss is no mean over rows"
    said = changed(comparisons=compared(run_directory, rows={"unknown": unknown}))
    assert said.count(f"The interval covers seeds and not the choice of comparison rows: {unknown}.") == 2
    known = {"groups": 32, "sd": 0.001, "share": 0.3}
    assert "choice of comparison rows" not in changed(comparisons=compared(run_directory, rows=known))


def test_a_failed_search_goes_on(changed: Change, run_directory: Path) -> None:
    said = changed(verdict=None, chosen=None, comparisons={}, failure="The disk is full.")
    assert said.count(f"autoact search --resume {run_directory}") == 2
    assert APPLY not in said
    assert "with the original model: The disk is full." in said


def test_the_original_is_not_compared_with_itself(changed: Change, run_directory: Path) -> None:
    report = json.loads((run_directory / "report.json").read_text())
    said = changed(chosen=report["original"], verdict="no significant difference")
    assert "The choice is the activations that the model has already. Keep the model as it is." in said
    assert "A true difference of" not in said
    assert ">the original model</td>" not in said
    assert APPLY not in said


def test_the_best_uniform_is_not_compared_with_itself(changed: Change) -> None:
    tanh = {layer: {"activation": "tanh", "parameters": {}} for layer in ("net.1", "net.3", "net.5")}
    said = changed(chosen=tanh)
    assert said.count("The choice is tanh in every layer, the best single activation") == 2
    assert "within the noise" not in said
    assert "the best uniform</td>" not in said


def test_the_original_that_is_the_best_uniform_is_compared_once(changed: Change, run_directory: Path) -> None:
    found = json.loads((run_directory / "report.json").read_text())["comparisons"]
    both = {"original": found["original"], "best_uniform": {**found["best_uniform"], "name": "relu"}}
    said = unescape(changed(comparisons=both))
    assert said.count("The best single activation, the original's relu in every layer, does as well") == 2
    assert "the original model, the best uniform as well</td>" in said
    assert "relu everywhere, the best uniform</td>" not in said
    names = [model.role for model in confirmed(read_run(run_directory))]
    assert names == ["original", "chosen"]
    other = changed(comparisons=both, hyperparameters=tuned(0.1, original=0.1, relu=0.02))
    assert "relu everywhere, the best uniform</td>" in other


TUNED: dict[str, Any] = {"searched": {}, "own": {"lr": 0.1}, "trainings_per_baseline": 8}


def tuned(chosen: float, **baselines: float) -> dict[str, Any]:
    values = {name: {"lr": value} for name, value in baselines.items()}
    return {**TUNED, "chosen": {"lr": chosen}, "baselines": values}


def test_the_original_with_other_hyperparameters_is_compared(changed: Change, run_directory: Path) -> None:
    report = json.loads((run_directory / "report.json").read_text())
    said = changed(chosen=report["original"], hyperparameters=tuned(0.02, original=0.1, tanh=0.1))
    assert said.count("the chosen hyperparameters beat the original model") == 2
    assert said.count("Keep its activations, and train it with lr 0.02.") == 2
    assert ">the original model</td>" in said
    assert "time of a forward pass" not in said
    assert APPLY not in said
    same = changed(hyperparameters=tuned(0.1, original=0.1), verdict="no significant difference")
    assert ">the original model</td>" not in same
    assert "The choice is the activations that the model has already." in same


def test_the_best_uniform_with_other_hyperparameters_is_compared(changed: Change) -> None:
    tanh = {layer: {"activation": "tanh", "parameters": {}} for layer in ("net.1", "net.3", "net.5")}
    said = changed(chosen=tanh, hyperparameters=tuned(0.02, original=0.1, tanh=0.1))
    assert said.count("The choice is tanh in every layer, too, with other hyperparameters") == 2
    assert "the best uniform</td>" in said
    assert "the best uniform</td>" not in changed(hyperparameters=tuned(0.1, original=0.1, tanh=0.1))


def test_a_uniform_without_a_training_is_the_original_only_if_it_has_its_values(run_directory: Path) -> None:
    run = read_run(run_directory)
    assert run.uniform("tanh") == Assignment(dict.fromkeys(("net.1", "net.3", "net.5"), "tanh"))
    assert run.uniform("sin") is None
    untrained = replace(run, trainings=())
    assert untrained.uniform("relu") is None  # the values of the original are not those of relu
    both = {"relu": run.report.baselines["relu"], "original": run.report.baselines["relu"]}
    original = replace(untrained, report=replace(run.report, baselines=both))
    assert original.uniform("relu") == run.report.original
    assert original.uniform("tanh") is None


def test_trainings_that_raised_are_named_first(changed: Change, run_directory: Path) -> None:
    failure = {"what": "trial 3", "phase": "trial", "error": "ValueError: <b>no", "seeds": [1, 2]}
    said = changed(failures=[failure])
    line = "2 trainings (trial, trial 3) raised: ValueError: "
    assert summarize(run_directory).startswith(f"Failures\n  {line}<b>no\n\nVerdict: improved")
    assert said.index(f"{line}&lt;b&gt;no") < said.index("<h1")
    assert "Failures" not in changed(failures=[])


def test_without_any_difference_no_interval_is_told(changed: Change, run_directory: Path) -> None:
    same = compared(run_directory, difference=0.0, ci95=[0.0, 0.0], p_value=1.0, detectable=0.0, pairs=2)
    same["best_uniform"] = {**same["original"], "name": "tanh"}
    said = changed(verdict="no significant difference", comparisons=same)
    assert "All 2 seeds gave both models the same val_loss, so how much a difference varies cannot be" in said
    assert "too few to decide" not in said
    assert "as well within the noise" not in said
