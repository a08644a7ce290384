import re

import pytest
import torch

import autoact
from autoact.errors import ConfigurationError
from autoact.spaces import Bounds, Choice, Requirements, SearchSpace
from tests.search.models import TRAINER, Curve, CurveData


@pytest.mark.parametrize(
    ("require", "name", "message"),
    [
        ({"smoothness": 1}, "relu", "relu has 0 continuous derivatives, 1 are required"),
        ({"smoothness": 1}, "elu", "elu has 0 continuous derivatives"),
        ({"bounded": True}, "silu", "silu is not bounded"),
        ({"output": "nonnegative"}, "tanh", "tanh has negative outputs"),
    ],
)
def test_a_candidate_that_breaks_a_requirement(require, name, message):
    with pytest.raises(ConfigurationError, match=message):
        SearchSpace.from_dict({"candidates": [name], "require": require})


@pytest.mark.parametrize(
    ("require", "name"),
    [
        ({"smoothness": 2}, "tanh"),
        ({"smoothness": 2}, "swish"),
        ({"smoothness": 1}, "celu"),
        ({"bounded": True}, "sigmoid"),
        ({"output": "nonnegative"}, "softplus"),
        ({"output": "nonnegative"}, "relu"),
        ({}, "relu"),
    ],
)
def test_candidates_that_meet_it(require, name):
    assert Requirements(**require).violation(name) is None


def test_the_violation_in_a_file_is_located(tmp_path):
    (tmp_path / "physics.yaml").write_text("candidates:\n  - tanh\n  - relu\nrequire: {smoothness: 2}\n")
    with pytest.raises(
        ConfigurationError, match=r"physics.yaml, line 3, candidates\[1\]: relu has 0.*Remove 'relu'"
    ):
        SearchSpace.load(tmp_path / "physics.yaml")


def test_a_learned_parameter_is_checked_over_its_range():
    require = Requirements(smoothness=1)
    assert require.violation("elu") == "elu has 0 continuous derivatives with alpha = 0, 1 are required"
    assert require.fixing("elu") == {"alpha": 1.0}
    assert require.violation("elu", Bounds.of({"elu": {"alpha": 1}})) is None
    assert require.violation("elu", Bounds.of({"elu": {"alpha": [0.9, 1.1]}})) is not None
    assert "with n = 1" in str(require.violation("hill"))
    assert require.fixing("hill") == {"n": 2.0}  # K is free
    assert require.violation("hill", Bounds.of({"hill": {"n": [2, 6]}})) is None
    assert require.fixing("relu") == require.fixing("tanh") == {}


def test_the_remedy_is_the_line_to_write(tmp_path):
    text = "candidates: [tanh, elu]\nrequire: {smoothness: 1}\n"
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"Fix it with `(.*)`, remove 'elu'") as caught:
        SearchSpace.load(tmp_path / "a.yaml")
    (line,) = re.findall("`(bounds: .*?)`", str(caught.value))
    (tmp_path / "a.yaml").write_text(f"{text}{line}\n")
    assert SearchSpace.load(tmp_path / "a.yaml").bounds.to_dict() == {"elu": {"alpha": 1.0}}


def test_bounds_can_make_a_candidate_meet_a_requirement():
    require = Requirements(output="nonnegative")
    assert require.violation("prelu") is not None
    assert require.violation("prelu", Bounds.of({"prelu": {"slope": [-1, 0]}})) is None


def test_the_model_as_it_is_is_judged_by_its_own_values():
    space = SearchSpace("smooth", ("tanh",), require=Requirements(smoothness=1))
    assert space.refusal(Choice("elu")) is None
    assert "as elu(alpha=0.5)" in str(space.refusal(Choice("elu", {"alpha": 0.5})))
    assert "as prelu(slope=0.15 [0.1 to 0.2" in str(space.refusal(Choice("prelu", {"slope": (0.1, 0.2)})))


def test_families_bring_only_what_fits_and_say_so():
    space = SearchSpace.from_dict(
        {"candidates": {"families": ["exponential"], "include": ["tanh"]}, "require": {"smoothness": 1}}
    )
    assert space.candidates == ("celu", "elu", "softplus", "squareplus", "tanh")
    assert space.bounds.to_dict() == {"elu": {"alpha": 1.0}}
    said = " ".join(space.notes)
    assert "elu keeps alpha = 1" in said
    assert "selu left out: selu has 0 continuous derivatives" in said
    assert "exp left out: it grows faster than linearly" in said
    named = SearchSpace.from_dict({"candidates": {"families": ["bell"], "include": ["exp"]}})
    assert set(named.candidates) == {"garf", "gaussian", "exp"}


def test_a_torch_callable_has_no_derivatives_to_count():
    @autoact.activation(family="test only")
    def opaque_bump(x):
        return torch.special.i0e(x)

    with pytest.raises(ConfigurationError, match="derivatives of opaque_bump cannot be counted"):
        SearchSpace("mine", ("opaque_bump",), require=Requirements(smoothness=1))
    assert SearchSpace("mine", ("opaque_bump",), require=Requirements(bounded=True)).candidates


@pytest.mark.slow
def test_a_dry_run_tells_what_a_family_did_not_bring(capsys):
    space = {"candidates": {"families": ["exponential"]}, "require": {"smoothness": 1}}
    autoact.run_search(
        Curve,
        CurveData,
        space=SearchSpace.from_dict(space),
        monitor="val_loss",
        trainer=TRAINER,
        dry_run=True,
        out="x",
    )
    shown = capsys.readouterr().out
    assert "from celu, elu, softplus, squareplus" in shown
    assert "elu keeps alpha = 1: at other values it breaks a requirement" in shown
    assert "selu left out" in shown


@pytest.mark.slow
def test_high_derivatives_are_compared_exactly():
    require = Requirements(smoothness=5)  # in floating point the terms at b = 0.001 cancel to noise
    assert require.violation("squareplus") is None
    assert require.violation("mish") is None


def test_smoothness_counts_up_to_eight():
    assert Requirements(smoothness=8).violation("sin") is None
    with pytest.raises(ConfigurationError, match="up to 8; got 9"):
        Requirements(smoothness=9)
