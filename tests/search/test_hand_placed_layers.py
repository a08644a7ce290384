"""Hand-placed `AutoActivation` layers are searched; the original is the model as it is written."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from autoact import AutoActivation, apply, auto_layers, convert, find_layers, load_run, run_search
from autoact.errors import ConfigurationError, ConversionError, SearchFailedError
from autoact.records import Ledger
from autoact.spaces import Assignment, Choice, SearchSpace
from tests.search.models import SMALLEST, Curve, CurveData
from tests.search.models import variables as variables_of

SPACE = SearchSpace(["relu", "tanh"])


class Placed(Curve):
    """Two layers of its own: one starts as ReLU, the other as the mean of all."""

    def __init__(self, further: str = "tanh") -> None:
        super().__init__()
        self.net[1] = AutoActivation(["relu", "gelu", further], start="relu")
        self.net[3] = AutoActivation(["elu", "tanh"])


class Half(Curve):
    """One layer of its own beside a ReLU, with candidates that the space has not."""

    def __init__(self) -> None:
        super().__init__()
        self.net[3] = AutoActivation(["sin", "tanh"])


class Nested(nn.Module):
    """One layer at two places, one in a dictionary, and one that never runs."""

    def __init__(self) -> None:
        super().__init__()
        shared = AutoActivation(["relu", "tanh"])
        self.first = nn.Sequential(nn.Linear(2, 4), shared, nn.Linear(4, 4), shared)
        self.acts = nn.ModuleDict(
            {"last": AutoActivation(["elu", "tanh"], granularity="channel", channels=4)}
        )
        self.idle, self.head = AutoActivation(["gelu", "silu"]), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.acts["last"](self.first(x))).flatten()


class Inside(Curve):
    """Its network is a module of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.net: Any = Nested()


class Trailing(Placed):
    """A target network trails behind."""

    def __init__(self) -> None:
        super().__init__()
        self.target_net = copy.deepcopy(self.net).requires_grad_(False)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        with torch.no_grad():
            for p, q in zip(self.net.parameters(), self.target_net.parameters(), strict=True):
                q.lerp_(p, 0.5)
        return super().training_step(batch, batch_idx) + 0.0 * self.target_net(batch[0]).mean()


def planned(model: Any, **changes: Any) -> Any:
    return run_search(model, CurveData(), dry_run=True, **{**SMALLEST, **changes}).plan


@pytest.fixture
def searched(tmp_path: Path) -> Any:
    def run(model: Any, **changes: Any) -> Any:
        return run_search(model, CurveData(), out=tmp_path / "run", **{**SMALLEST, "budget": 3, **changes})

    return run


def test_the_plan_says_what_competes_where() -> None:
    plan = planned(Half)
    assert [v.candidates for v in plan.variables] == [("relu", "tanh"), ("sin", "tanh")]
    assert "net.1  relu     from relu, tanh" in plan.describe()
    assert "net.3  mixture  from sin, tanh" in plan.describe()
    assert "left alone" not in plan.describe()


def test_uniform_baselines_are_of_every_candidate_wherever_it_may_be() -> None:
    variables = variables_of(Placed(), SPACE)
    assert variables.names == ("relu", "gelu", "tanh", "elu")
    assert variables.original == Assignment({})
    assert variables.uniform("tanh") == Assignment({"net.1": "tanh", "net.3": "tanh"})
    assert variables.uniform("gelu") == Assignment({"net.1": "gelu"})
    assert variables.values(variables.original) is None
    assert not variables.allows(variables.uniform("gelu"))


def test_settings_of_the_layer_are_those_of_its_candidates() -> None:
    class Own(Curve):
        def __init__(self) -> None:
            super().__init__()
            settings = {"leaky_relu": {"negative_slope": 0.3}}
            self.net[3] = AutoActivation(["leaky_relu", "tanh"], settings=settings)

    variable = list(variables_of(Own(), SPACE))[1]
    assert variable.choice("net.3", "leaky_relu") == Choice("leaky_relu", negative_slope=0.3)


@pytest.mark.slow
def test_one_that_never_runs_is_left_alone() -> None:
    plan = planned(Inside)
    assert [path for v in plan.variables for path in v.layers] == ["net.first.1", "net.acts.last"]
    assert plan.left_alone == {"net.idle": "never called in a training step or a validation"}


def test_a_search_that_keeps_all_of_them_has_nothing_to_search() -> None:
    space = {"candidates": ["relu"], "layers": [{"match": "net.*", "keep": True}]}
    with pytest.raises(ConversionError, match=r"Nothing to convert.*net.1: kept by the rule"):
        planned(Placed, space=space)


def test_a_model_that_converts_itself_is_refused() -> None:
    class Converted(Curve):
        def __init__(self) -> None:
            super().__init__()
            convert(self.net, ["relu", "tanh"])

    with pytest.raises(
        ConversionError, match=r"converted \(net.1, net.3\): leave autoact.convert to the search"
    ):
        planned(Converted)


@pytest.mark.slow
def test_a_model_that_needs_more_of_a_layer_than_its_result_is_refused() -> None:
    class Penalized(Placed):
        def _loss(self, batch: Any) -> Tensor:
            layer: Any = self.net[3]
            return super()._loss(batch) + 0.01 * layer.entropy().mean()

    with pytest.raises(
        SearchFailedError, match=r"with searched activations it does not: .*no attribute 'entropy'"
    ):
        planned(Penalized)


def test_one_in_a_plain_list_is_named() -> None:
    class Listed(Curve):
        def __init__(self) -> None:
            super().__init__()
            self.acts = [AutoActivation(["relu", "tanh"])]

    assert find_layers(Listed(), SPACE).left_alone == {
        "acts": "holds AutoActivation in a list; make each an attribute"
    }


def test_a_hyperparameter_that_changes_the_candidates_is_refused() -> None:
    searched = {"model.further": {"choice": ["tanh", "sin"]}}
    with pytest.raises(ConfigurationError, match="the model has other activations than without"):
        planned(Placed, parameters=searched)


@pytest.mark.slow
@pytest.mark.parametrize("model", [Placed, Half, Inside, Trailing])
def test_a_search_chooses_for_them(searched: Any, model: Any, tmp_path: Path) -> None:
    result = searched(model)
    assert not [t.error for t in result.trainings if t.error]
    assert {"one-shot", "trial", "baseline", "confirmation"} < {t.phase for t in result.trainings}
    paths = [path for v in result.plan.variables for path in v.layers]
    assert list(result.assignment) == paths
    for v in result.plan.variables:
        assert {result.assignment[path].activation for path in v.layers} <= set(v.candidates)
    assert set(auto_layers(apply(model(), result.assignment))) <= {"net.idle"}
    saved = model.load_from_checkpoint(tmp_path / "run" / "checkpoints" / "final.ckpt")
    assert set(auto_layers(saved)) <= {"net.idle"}
    assert set(auto_layers(model())) - {"net.idle"} <= set(paths)


@pytest.mark.slow
def test_the_verdict_compares_with_the_model_as_it_is_written(searched: Any, tmp_path: Path) -> None:
    result = searched(Placed)
    assert result.original == Assignment({})
    assert load_run(tmp_path / "run").original == Assignment({})
    original = [t for t in result.trainings if t.label == "original"]
    assert {t.phase for t in original} == {"baseline", "confirmation"}
    assert {t.assignment for t in original} == {Assignment({})}
    expected = result.assignment if result.verdict == "improved" else Assignment({})
    for found in (result, load_run(tmp_path / "run")):
        assert found.recommended == expected
    assert repr(result.model().net) == repr(apply(Placed(), expected).net)
    assert "  net.1  mixture → " in result.summary()
    assert '"net.1=mixture, net.3=mixture"' in (tmp_path / "run" / "leaderboard.csv").read_text()
    assert "was mixture" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_a_killed_run_goes_on(searched: Any, tmp_path: Path) -> None:
    first = searched(Placed)
    run = tmp_path / "run"
    lines = (run / "trainings.jsonl").read_text().splitlines(keepends=True)
    (run / "trainings.jsonl").write_text("".join(lines[:-3]))
    (run / "report.json").unlink()
    again = searched(Placed, resume=True)
    assert [t.key for t in again.trainings] == [t.key for t in first.trainings]
    assert again.assignment == first.assignment
    assert len(Ledger(run / "trainings.jsonl").trainings) == len(lines)


@pytest.mark.slow
def test_a_run_whose_model_has_other_candidates_does_not_go_on(searched: Any, tmp_path: Path) -> None:
    searched(Placed)
    (tmp_path / "run" / "report.json").unlink()
    with pytest.raises(
        ConfigurationError, match=r"candidates of net\.1 .was relu, gelu, tanh, is relu, gelu, sin"
    ):
        searched(lambda: Placed("sin"), resume=True)


@pytest.mark.slow
def test_one_that_a_rule_keeps_stays_a_mixture_in_every_model(searched: Any, tmp_path: Path) -> None:
    space = {"candidates": ["relu"], "layers": [{"match": "net.3", "keep": True}]}
    result = searched(Placed, space=space)
    assert list(result.assignment) == ["net.1"]
    assert result.plan.left_alone == {"net.3": "kept by the rule match: 'net.3'"}
    saved = Placed.load_from_checkpoint(tmp_path / "run" / "checkpoints" / "final.ckpt")
    assert list(auto_layers(saved)) == ["net.3"]
    one_shot = next(t for t in result.trainings if t.phase == "one-shot")
    assert list(one_shot.derived) == ["net.1"]


@pytest.mark.slow
def test_where_nothing_but_the_original_trains_the_choice_names_no_layer(
    searched: Any, tmp_path: Path
) -> None:
    class Only(Placed):
        def _loss(self, batch: Any) -> Tensor:
            loss = super()._loss(batch)
            managed = any(layer.managed for layer in auto_layers(self).values())
            return loss if auto_layers(self) and not managed else loss * float("nan")

    result = searched(Only)
    assert result.assignment == result.original == result.recommended == Assignment({})
    assert Assignment.load(tmp_path / "run" / "assignment.yaml") == Assignment({})
    assert yaml.safe_load((tmp_path / "run" / "assignment.yaml").read_text())["layers"] == {}
    assert "Keep the model as it is" in result.summary()


@pytest.mark.slow
def test_the_parameter_of_a_single_candidate_is_searched_in_its_own_bounds(searched: Any) -> None:
    class Single(Curve):
        def __init__(self) -> None:
            super().__init__()
            for place in (1, 3):
                self.net[place] = AutoActivation(["elu"], bounds={"elu": {"alpha": [0.2, 0.6]}})

    result = searched(Single)
    trials = [t.assignment for t in result.trainings if t.phase == "trial"]
    alphas = [choice.parameters["alpha"] for assignment in trials for choice in assignment.values()]
    assert alphas
    assert all(0.2 <= alpha <= 0.6 for alpha in alphas)
