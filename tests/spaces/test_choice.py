import copy
import pickle

import pytest
from torch import nn

from autoact.activations import get, list_activations
from autoact.errors import ConfigurationError, UnknownActivationError
from autoact.spaces import Assignment, Choice, SearchSpace


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


def test_numbers_are_shown_to_four_digits_whatever_their_size():
    assert str(Choice("softplus", beta=0.70001234)) == "softplus(beta=0.7)"
    assert str(Choice("prelu", slope=-0.8914567)) == "prelu(slope=-0.8915)"
    assert str(Choice("prelu", slope=-0.0)) == "prelu(slope=0)"
    assert str(Choice("swish", beta=12345.678)) == "swish(beta=1.235e+04)"
    assert str(Choice("acon_c", p1=1.5)) == "acon_c(p1=1.5, p2=0, beta=1)"


@pytest.mark.parametrize("name", list_activations())
def test_what_is_shown_is_read_back_to_four_digits(name):
    values = {key: value * 1.0000123 for key, value in get(name).defaults.items()}
    read = Choice.parse(str(Choice(name, values)))
    assert str(read) == str(Choice(name, values))
    assert read.parameters == pytest.approx(values, rel=5e-4)


def test_values_per_channel_are_not_read_back_as_one_number():
    with pytest.raises(ConfigurationError, match="values per channel"):
        Choice.parse(str(Choice("prelu", slope=(0.1, 0.2))))


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        (nn.LeakyReLU(0.2), Choice("leaky_relu", negative_slope=0.2)),
        (nn.PReLU(2, 0.5), Choice("prelu", slope=(0.5, 0.5))),
        (nn.GELU, Choice("gelu")),
        ("SiLU", Choice("silu")),
        (nn.Identity(), Choice("identity")),
        (Choice("elu", alpha=0.5), Choice("elu", {"alpha": 0.5})),
    ],
)
def test_a_choice_is_made_of_what_torch_has(given, choice):
    assert Choice.of(given) == choice


def test_keywords_and_a_mapping_are_one_set_of_parameters():
    assert Choice("hardtanh", {"min_val": -2.0}, max_val=2.0) == Choice("hardtanh", min_val=-2, max_val=2)
    with pytest.raises(ConfigurationError, match=r"elu\.alpha is given twice"):
        Choice("elu", {"alpha": 1.0}, alpha=2.0)


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


def test_a_choice_of_an_unregistered_activation_has_words_and_plain_types():
    choice = Choice.unregistered("my_own", {"beta": [1.0, 2.0]})
    assert choice.parameters["beta"] == (1.0, 2.0)
    assert choice.to_dict() == {"activation": "my_own", "parameters": {"beta": [1.0, 2.0]}}
    assert choice == Choice.unregistered("my_own", {"beta": (1.0, 2.0)}) != Choice.unregistered("my_own")
    with pytest.raises(UnknownActivationError, match="my_own"):
        Choice.from_dict(choice.to_dict())


@pytest.mark.parametrize("text", ["elu(alpha=2)", "elu( alpha = 2.0 )", "ELU(alpha=2)"])
def test_what_is_printed_is_taken_for_a_choice(text, tmp_path):
    assert Choice.of(text) == Assignment({"1": text})["1"] == Choice("elu", alpha=2.0)
    (tmp_path / "mine.yaml").write_text(f"layers: {{net.1: {text!r}}}")
    assert Assignment.load(tmp_path / "mine.yaml")["net.1"] == Choice("elu", alpha=2.0)
    assert Choice.of("hardtanh(min_val=-2,max_val=2)") == Choice("hardtanh", min_val=-2.0, max_val=2.0)


@pytest.mark.parametrize("make", [get, lambda name: SearchSpace.of(["relu", name]), Choice])
def test_a_place_for_a_name_alone_says_so(make):
    with pytest.raises(
        UnknownActivationError, match=r"A name alone is taken here: 'elu'. .*an assignment takes"
    ):
        make("elu(alpha=2)")
