import pytest

from autoact.errors import ConfigurationError
from autoact.spaces import Requirements, SearchSpace


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
