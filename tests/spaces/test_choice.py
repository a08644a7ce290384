import copy
import pickle

import pytest

from autoact.errors import ConfigurationError, UnknownActivationError
from autoact.spaces import Choice


def test_defaults_are_filled_in_so_equal_functions_are_equal_choices():
    assert Choice("elu") == Choice("elu", {"alpha": 1}) != Choice("elu", {"alpha": 0.5})
    assert hash(Choice("elu")) == hash(Choice("elu", {"alpha": 1.0}))


def test_choices_cannot_be_changed():
    choice = Choice("elu")
    with pytest.raises(AttributeError):
        choice.activation = "relu"  # type: ignore[misc]
    with pytest.raises(TypeError):
        choice.parameters["alpha"] = 2.0  # type: ignore[index]


@pytest.mark.parametrize(
    "choice", [Choice("relu"), Choice("elu", {"alpha": 0.5}), Choice("prelu", {"slope": (0.1, 0.2)})]
)
def test_choices_survive_pickle_copy_and_plain_types(choice):
    assert pickle.loads(pickle.dumps(choice)) == choice
    assert copy.deepcopy(choice) == choice
    assert Choice.from_dict(choice.to_dict()) == choice
    assert eval(repr(choice)) == choice


def test_one_channel_is_a_number():
    assert Choice("prelu", {"slope": (0.1,)}) == Choice("prelu", {"slope": 0.1})
    assert Choice("prelu", {"slope": (0.1, 0.2)}).channels == 2
    assert Choice("relu").channels is None


def test_text_for_people():
    assert str(Choice("elu", {"alpha": 0.5})) == "elu(alpha=0.5)"
    assert str(Choice("prelu", {"slope": (0.1, 0.2)})) == "prelu(slope=0.15 [0.1 to 0.2, 2 channels])"


def test_unknown_activation_gets_a_suggestion():
    with pytest.raises(UnknownActivationError, match=r"No activation named 'rleu'.*'relu'"):
        Choice("rleu")


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("elu", {"alfa": 1}, "elu has no parameter 'alfa'; it has: alpha. Did you mean 'alpha'"),
        ("relu", {"alpha": 1}, "relu has no parameter 'alpha'; it has: none."),
        ("elu", {"alpha": "x"}, "elu.alpha is a finite number; got 'x'"),
        ("elu", {"alpha": True}, "elu.alpha is a finite number; got True"),
        ("elu", {"alpha": float("nan")}, "elu.alpha is a finite number; got nan"),
        ("elu", {"alpha": -1.0}, r"elu.alpha lies in \[0, inf\]; got -1.0"),
        ("prelu", {"slope": ()}, "prelu.slope needs at least one value"),
        ("hardtanh", {"min_val": (0.0, 1.0), "max_val": (1.0, 2.0, 3.0)}, "differ in length"),
        ("elu", [1], "mapping of name to value"),
    ],
)
def test_wrong_parameters_are_named(name, parameters, message):
    with pytest.raises(ConfigurationError, match=message):
        Choice(name, parameters)
