"""A report survives its file, and says what is wrong with a damaged one."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from autoact.errors import RunDirectoryError, UnknownActivationError
from autoact.records import Report
from autoact.spaces import Assignment

RELU = {"a": {"activation": "relu", "parameters": {}}}
ELU = {"a": {"activation": "elu", "parameters": {"alpha": 0.7}}}
COMPARISON = {"name": "original", "difference": 0.1, "ci95": [0.05, 0.15], "p_value": 0.01, "pairs": 10}
WHOLE: dict[str, Any] = {
    "schema": 2,
    "autoact": "0.2.0",
    "task": None,
    "space": "default",
    "metric": "val_loss",
    "mode": "min",
    "budget": 20,
    "seed": 1,
    "comparison_data": "the test data",
    "cost": {"search": {"trainings": 19.75, "steps": 340, "seconds": 1.5}},
    "executor": "ray",
    "resources": {"cpus": 1, "gpus": 0.25},
    "chosen": ELU,
    "original": RELU,
    "recommended": ELU,
    "baselines": {"relu": {"selection": [0.1, None], "comparison": []}},
    "confirmation": {
        "seeds": [1, 2],
        "selection": [0.1, 0.2],
        "comparison": [0.1, None],
        "most": 5,
        "cut": False,
    },
    "looks": [{"seeds": 2, "difference": 0.25, "ci95": [0.125, 0.375]}],
    "comparisons": {"original": {**COMPARISON, "detectable": None}},
    "latency": {"chosen": 1.5, "original": 1.0, "unit": "ms"},
    "verdict": "improved",
    "reported": [10, 40],
    "questions": 2,
    "earlier": [
        {
            "seeds": [3, 4],
            "assignment": RELU,
            "difference": 0.1,
            "ci95": [-0.1, 0.3],
            "level": 0.95,
            "verdict": "no significant difference",
        }
    ],
    "pareto": [{"layers": ELU, "mean": 0.1, "sd": None, "latency": 1.5, "front": True}],
    "prior": {
        "choice": ELU,
        "discretization": {"mixture": 0.2},
        "layers": {"a": {"weights": {"relu": 0.4}, "margin": 0.1, "error": 0.2, "errors": {}, "values": {}}},
    },
    "beliefs": {"key": {"mean": 0.1, "sd": 0.01}},
    "recommendation": {"searched": ELU, "replaced": False, "mean": None, "sd": None, "selection": [0.1]},
    "hyperparameters": {
        "searched": {"model.lr": {"log": [1e-4, 0.1]}},
        "own": {"model.lr": 0.01},
        "chosen": {"model.lr": 0.02},
        "baselines": {"relu": {"model.lr": 0.01}},
        "trainings_per_baseline": 3,
    },
    "note": "A note.",
    "failures": [
        {"what": "trial 3", "phase": "trial", "error": "ValueError: no", "seeds": [3], "trained": 1}
    ],
    "not_finite": ["relu"],
}


def without_derived(report: dict[str, Any]) -> dict[str, Any]:
    compared = {
        name: {key: value for key, value in found.items() if key in (*COMPARISON, "detectable")}
        for name, found in report["comparisons"].items()
    }
    return {**report, "comparisons": compared}


def test_a_whole_report_survives_its_file(tmp_path: Path) -> None:
    report = Report.from_dict(WHOLE)
    report.save(tmp_path / "report.json")
    read = Report.load(tmp_path / "report.json")
    assert without_derived(read.to_dict()) == WHOLE
    assert read.chosen == Assignment.from_dict({"layers": ELU})
    assert math.isnan(read.baselines["relu"].selection[1])
    assert read.comparisons["original"].verdict == "improved"
    assert json.loads((tmp_path / "report.json").read_text())["cost"]["search"]["trainings"] == 19.75


def test_a_partial_report_leaves_out_what_is_unknown() -> None:
    known = ("schema", "autoact", "space", "metric", "mode")
    content = Report.from_dict({**{key: WHOLE[key] for key in known}, "failure": "No."}).to_dict()
    assert (content["verdict"], content["latency"], content["failure"]) == (None, None, "No.")
    assert not {"chosen", "confirmation", "prior", "hyperparameters"} & content.keys()
    assert not {"baselines", "comparisons", "pareto", "beliefs", "looks", "earlier"} & content.keys()
    assert (content["failures"], content["not_finite"]) == ([], [])


def test_a_report_with_missing_values_is_compared_as_it_is_written() -> None:
    report = Report.from_dict(WHOLE)  # NaN is unequal to itself where Python compares field by field
    assert Report.from_dict(report.to_dict()).to_dict() == report.to_dict()


def test_keys_of_later_versions_are_ignored() -> None:
    later = {**WHOLE, "added_later": [1], "latency": {**WHOLE["latency"], "device": "cpu"}}
    assert without_derived(Report.from_dict(later).to_dict()) == WHOLE


def test_an_activation_that_is_not_registered_here_has_words() -> None:
    own = {"a": {"activation": "my_own", "parameters": {"beta": 2.0}}}
    report = Report.from_dict({**WHOLE, "chosen": own})
    assert str(report.chosen) == "a=my_own(beta=2)"
    assert report.to_dict()["chosen"] == own
    with pytest.raises(UnknownActivationError, match="my_own"):
        Assignment.from_dict({"layers": own})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 1}, "schema is 1; this version of autoact reads 2"),
        ({"cost": 3}, "cost: expected a mapping, got 3"),
        ({"cost": {"search": {"trainings": 1, "steps": 2}}}, "cost.search.seconds is missing"),
        ({"mode": "up"}, "mode: expected 'min' or 'max', got 'up'"),
        ({"budget": True}, "budget: expected float, got True"),
        ({"chosen": {"a": {}}}, "chosen: layer a has no activation"),
        ({"baselines": {"relu": {"selection": [0.1, "x"]}}}, "baselines.relu.selection[1]: expected float"),
        ({"comparisons": {"original": {"name": "relu"}}}, "comparisons.original.difference is missing"),
    ],
)
def test_a_damaged_report_names_file_key_and_remedy(tmp_path: Path, changes: Any, said: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps({**WHOLE, **changes}))
    with pytest.raises(RunDirectoryError, match=re.escape(said)) as caught:
        Report.load(file)
    assert str(caught.value).startswith(f"{file} cannot be read: ")
    assert "Remove it and resume the run, which writes it again" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"null", b"[]"])
def test_what_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        Report.load(tmp_path / "report.json")
