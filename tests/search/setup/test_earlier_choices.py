"""Choices of earlier runs, which a search tries first and believes nothing of."""

from typing import Any

import pytest

from autoact import run_search
from autoact.cli._search import search_parser
from autoact.conversion import find_layers
from autoact.errors import ConfigurationError
from autoact.records import Ledger, RunDirectory
from autoact.search.setup import Settings, Variables, tried_first
from autoact.spaces import Assignment, Choice, SearchSpace

SMALL: dict[str, Any] = {
    "space": ["relu", "tanh", "elu"],
    "mode": "min",
    "budget": 4,
    "seeds": 2,
    "selection_seeds": 1,
    "quiet": True,
}
LARGE = [f"blocks.{i}.act" for i in range(4)]


def objective(assignment, seed, fraction):
    return seed % 97 / 97 - sum(choice.activation == "tanh" for choice in assignment.values())


def variables(layers, space="relu"):
    return Variables.of(Plan(layers, space))


class Plan:
    """Layers of a model with ReLUs, in a space of three."""

    def __init__(self, layers, present="relu"):
        self.layers = dict.fromkeys(layers, Choice(present))
        self.placed: dict[str, Any] = {}
        self.candidates = dict.fromkeys(layers, ("relu", "tanh", "elu"))
        self.settings: dict[str, Any] = {layer: {} for layer in layers}
        self.groups = tuple((layer,) for layer in layers)
        self.space = SearchSpace.of(["relu", "tanh", "elu"])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "small"
    run_search(objective=objective, layers=["blocks.0.act", "blocks.1.act"], out=out, **SMALL)
    return out


@pytest.fixture(scope="module")
def large(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "large"
    run_search(objective=objective, layers=LARGE, out=out, like=[small], **SMALL)
    return out


@pytest.mark.slow
def test_the_choice_of_an_earlier_run_is_the_first_trial_after_the_original(small, large):
    trials = list(Ledger(RunDirectory(large).ledger_file).of("trial"))
    assert [training.label for training in trials[:2]] == ["original", f"like {small}"]
    chosen = Assignment.load(small / "assignment.yaml")
    assert trials[1].assignment == chosen.stretched(LARGE)
    assert all(training.selection == objective(training.assignment, training.seed, 1) for training in trials)


def test_the_report_says_what_was_taken(small, large):
    report = RunDirectory(large).report()
    assert report is not None
    assert f"like {small}: the search tries {LARGE[0]}=tanh" in report.remarks[0]


def test_a_resumed_run_needs_the_earlier_one_no_more(small, large, tmp_path):
    stored = RunDirectory(large).configuration()["search"]["like"]
    assert stored == [Assignment(Assignment.load(small / "assignment.yaml"), name=str(small)).to_dict()]
    again = run_search(objective=objective, layers=LARGE, out=large, resume=True, **{**SMALL, "budget": 5})
    assert len(list(Ledger(RunDirectory(large).ledger_file).of("trial"))) == 5
    assert again.report["remarks"][0].startswith(f"like {small}")


def test_what_is_tried_anyway_is_not_tried_twice(tmp_path):
    original = Assignment({"blocks.0.act": "relu"})
    run_search(objective=objective, layers=LARGE, out=tmp_path / "run", like=[original], **SMALL)
    trials = list(Ledger(RunDirectory(tmp_path / "run").ledger_file).of("trial"))
    assert not [training for training in trials if training.label.startswith("like")]


def test_an_activation_that_is_no_candidate_leaves_its_layer():
    earlier = Assignment({"blocks.0.act": "gelu", "blocks.1.act": "tanh"}, name="it")
    taken, others = variables(LARGE).moved(earlier)
    assert [choice.activation for choice in taken.values()] == ["relu", "relu", "tanh", "tanh"]
    assert others == (LARGE[0], LARGE[1])
    (said,) = tried_first(variables(LARGE), [earlier])
    assert said.startswith("like it: the search tries ")
    assert said.endswith(f"; not a candidate at {LARGE[0]}, {LARGE[1]}")


def test_parameters_are_those_of_this_model():
    earlier = Assignment({"blocks.0.act": Choice("elu", alpha=0.3)})
    assert variables(LARGE).moved(earlier)[0][LARGE[0]] == Choice("elu")


def test_nothing_in_common_is_an_error():
    with pytest.raises(ConfigurationError, match=r"No choice for 'blocks.0.act': the assignment knows other"):
        variables(LARGE).moved(Assignment({"other": "tanh"}))
    with pytest.raises(ConfigurationError, match="no layer can have its part: the candidates are relu, tanh"):
        variables(LARGE).moved(Assignment({"blocks.0.act": "gelu"}))


def test_what_is_no_choice_is_refused(small, tmp_path):
    (tmp_path / "empty").mkdir()
    cases = {
        str(tmp_path / "none"): "neither a run directory nor the file of an assignment",
        str(tmp_path / "empty"): "which is no run directory: it has no config.yaml",
    }
    for given, message in cases.items():
        with pytest.raises(ConfigurationError, match=message):
            Settings(like=[given])
    with pytest.raises(ConfigurationError, match="like holds 3; it must list run directories"):
        Settings(like=[3])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match="better if it is smaller, but here larger is better"):
        Settings(monitor="val_acc", like=[small])


def test_a_run_without_a_choice_is_refused(small, tmp_path):
    (tmp_path / "config.yaml").write_bytes((small / "config.yaml").read_bytes())
    with pytest.raises(ConfigurationError, match="which has chosen nothing yet"):
        Settings(monitor="objective", mode="min", like=[tmp_path])


def test_one_may_be_given_alone_and_a_file_too(small):
    one = Settings(like=small / "assignment.yaml")
    assert one.earlier == Settings(like=[str(small)]).earlier
    assert Settings().earlier == ()
    assert Settings().to_dict()["like"] is None


def test_the_command_line_takes_several():
    options = search_parser().parse_args(["--task", "digits", "--like", "runs/a", "runs/b"])
    assert options.like == ["runs/a", "runs/b"]


def test_layers_that_choose_together_stay_together():
    from torch import nn

    model = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(4)))
    rules = [{"match": "*", "share": "group"}]
    found = find_layers(model, {"version": 1, "candidates": ["relu", "tanh", "elu"], "layers": rules})
    taken, _ = Variables.of(found).moved(Assignment({"0.1": "tanh", "1.1": "elu"}))
    assert {choice.activation for choice in taken.values()} == {"tanh"}
