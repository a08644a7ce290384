import pickle

import pytest
import sympy as sp
import yaml

import autoact
from autoact.errors import ConfigurationError, UnknownActivationError
from autoact.spaces import Assignment, Bounds, Choice, SearchSpace

MIXED = Assignment(
    {
        "net.1": "relu",
        "net.3": Choice("elu", {"alpha": 0.5}),
        "net.5": Choice("prelu", {"slope": (0.1, 0.2)}),
    },
    name="mixed",
)


def test_round_trip_through_a_file(tmp_path):
    MIXED.save(tmp_path / "a.yaml")
    loaded = Assignment.load(tmp_path / "a.yaml")
    assert loaded == MIXED
    assert list(loaded) == list(MIXED)
    assert loaded.name == "mixed"
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["version"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_a_float_is_saved_exactly(tmp_path):
    exact = Assignment({"a": Choice("elu", {"alpha": 0.1 + 0.2})})
    exact.save(tmp_path / "a.yaml")
    assert Assignment.load(tmp_path / "a.yaml")["a"].parameters["alpha"] == 0.1 + 0.2


def test_equality_is_by_value_not_name_or_order():
    left = Assignment({"a": "relu", "b": "tanh"}, name="left")
    right = Assignment({"b": "tanh", "a": "relu"}, name="right")
    assert left == right
    assert hash(left) == hash(right)
    assert left != Assignment({"a": "relu", "b": "relu"})


def test_pickle_keeps_everything():
    copied = pickle.loads(pickle.dumps(MIXED))
    assert copied == MIXED
    assert copied.name == MIXED.name


def test_mapping_interface():
    assert len(MIXED) == 3
    assert "net.1" in MIXED
    assert MIXED["net.1"] == Choice("relu")
    assert dict(MIXED) == dict(MIXED.items())
    assert next(iter(MIXED.values())) == Choice("relu")


def test_a_name_alone_is_a_choice_in_files(tmp_path):
    (tmp_path / "a.yaml").write_text("layers:\n  net.1: relu\n")
    assert Assignment.load(tmp_path / "a.yaml") == Assignment({"net.1": "relu"})


def test_a_file_that_names_no_layer_changes_nothing(tmp_path):
    Assignment({}, name="original").save(tmp_path / "a.yaml")
    assert Assignment.load(tmp_path / "a.yaml") == Assignment({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "layers:\n  net.1: {activation: elu, parameters: {alfa: 1}}\n",
            r"a.yaml, line 2, layers.net.1: .*alpha",
        ),
        ("layers:\n  net.1: {act: elu}\n", r"a.yaml, line 2, layers.net.1.act: unknown key 'act'"),
        ("layers:\n  net.1: {}\n", r"line 2, layers.net.1: the key 'activation' is missing"),
        ("version: 2\nlayers: {a: relu}\n", r"a.yaml, line 1, version: .*version 1; got 2"),
        ("version: 1\n", r"a.yaml.*layers"),
        ("layers:\n", r"a.yaml.*layers"),
        ("layers: {a: relu, a: tanh}\n", r"a.yaml, line 1: layers.a is given twice \(first on line 1\)"),
        ("layers: [\n", r"a.yaml, line \d: not valid YAML"),
        ("", r"a.yaml: expected a mapping"),
    ],
)
def test_wrong_files_are_located(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        Assignment.load(tmp_path / "a.yaml")


def test_unknown_activation_in_a_file_is_located(tmp_path):
    (tmp_path / "a.yaml").write_text("layers:\n  net.1: relu\n  net.3: rleu\n")
    with pytest.raises(UnknownActivationError, match=r"a.yaml, line 3, layers.net.3: .*'rleu'.*'relu'"):
        Assignment.load(tmp_path / "a.yaml")


def test_missing_file_and_unwritable_place_are_one_line_each(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Cannot read .*none.yaml: No such file"):
        Assignment.load(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match=r"Cannot write .*: No such file"):
        MIXED.save(tmp_path / "no" / "folder.yaml")


def test_values_of_the_wrong_kind_are_refused():
    with pytest.raises(ConfigurationError, match="Layer 'a' needs a Choice"):
        Assignment({"a": 3})
    with pytest.raises(ConfigurationError, match="maps layer paths"):
        Assignment(["relu"])  # type: ignore[arg-type]


def test_a_renamed_activation_keeps_old_files_loading(tmp_path):
    @autoact.activation(family="test only", aliases=("bent_before",))
    def bent_now(x, amount=autoact.Parameter(default=0.5, lower=0.0)):
        """Once called bent_before."""
        return x + amount * sp.tanh(x)

    (tmp_path / "old.yaml").write_text(
        "version: 1\nname: old\nlayers:\n  a: bent_before\n"
        "  b: {activation: bent_before, parameters: {amount: 2}}\n"
    )
    old = Assignment.load(tmp_path / "old.yaml")
    assert old == Assignment({"a": "bent_now", "b": Choice("bent_now", {"amount": 2})})
    old.save(tmp_path / "new.yaml")
    assert "bent_before" not in (tmp_path / "new.yaml").read_text()
    space = SearchSpace.from_dict(
        {"candidates": {"include": ["bent_before", "relu"]}, "bounds": {"bent_before": {"amount": [0, 1]}}}
    )
    assert space == SearchSpace(
        "search space", ("bent_now", "relu"), bounds=Bounds.of({"bent_now": {"amount": [0, 1]}})
    )
    with pytest.raises(ConfigurationError, match="bent_now is bounded twice"):
        SearchSpace.from_dict(
            {"candidates": ["relu"], "bounds": {"bent_now": {"amount": 1}, "bent_before": {"amount": 1}}}
        )


def test_paths_that_look_like_numbers_are_read_as_they_were_saved(tmp_path):
    given = Assignment(dict.fromkeys(["1", "1.10", "1e3", "2.0e1", "no", "010", "null"], "tanh"))
    given.save(tmp_path / "a.yaml")
    assert Assignment.load(tmp_path / "a.yaml") == given


def test_layers_of_another_mapping_are_merged(tmp_path):
    (tmp_path / "a.yaml").write_text("version: 1\nlayers:\n  <<: {'1': relu}\n  '2': tanh\n")
    assert Assignment.load(tmp_path / "a.yaml") == Assignment({"1": "relu", "2": "tanh"})


@pytest.mark.parametrize(("written", "line"), [("1.10", 4), ("1e3", 4), ("no", 4), ("010", 4)])
def test_paths_that_yaml_reads_as_something_else_are_refused(tmp_path, written, line):
    """1.10 would be the layer 1.1, which there may be as well."""
    (tmp_path / "a.yaml").write_text(f"version: 1\nlayers:\n  1.1: relu\n  {written}: tanh\n")
    with pytest.raises(
        ConfigurationError, match=rf"line {line}: YAML reads .* as something else: write '{written}'"
    ):
        Assignment.load(tmp_path / "a.yaml")
