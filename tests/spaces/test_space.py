import pickle
import re
from dataclasses import replace

import pytest
from torch import nn

from autoact.activations import DEFAULT_CANDIDATES
from autoact.errors import AutoActError, ConfigurationError, UnknownActivationError
from autoact.spaces import LayerRule, Relaxation, Requirements, SearchSpace, shipped_spaces

RULES = """\
version: 1
name: mine
candidates: [relu, tanh]
layers:
  - {match: "head.*", keep: true}
  - {match: "*.3", candidates: [sin]}
  - {match: "*", share: group}
relaxation: {kind: affine, temperature: 5e-1}
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "mine.yaml").write_text(text)
        return tmp_path / "mine.yaml"

    return write


def test_the_default_space_is_the_registry_default():
    assert SearchSpace.load("default").candidates == DEFAULT_CANDIDATES


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_shipped_spaces_load_and_carry_their_file_name(name):
    assert SearchSpace.load(name).name == name


def test_rules_first_match_wins(file):
    space = SearchSpace.load(file(RULES))
    assert space.candidates_for("head.3") == ()
    assert space.candidates_for("net.3") == ("sin",)
    assert space.candidates_for("net.5") == ("relu", "tanh")
    assert space.rule_for("net.5") == LayerRule(match="*", share="group")
    assert space.relaxation == Relaxation(kind="affine", temperature=0.5)


def test_round_trip_through_plain_data(file):
    space = SearchSpace.load(file(RULES))
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert pickle.loads(pickle.dumps(space)) == space


def test_fingerprint_follows_the_content_not_the_name():
    space = SearchSpace("a", ("relu", "tanh"))
    assert space.fingerprint() == SearchSpace("b", ("relu", "tanh")).fingerprint()
    assert space.fingerprint() != SearchSpace("a", ("relu", "sin")).fingerprint()
    assert (
        space.fingerprint()
        != SearchSpace("a", ("relu", "tanh"), require=Requirements(smoothness=0)).fingerprint()
    )


def test_every_way_to_give_a_space(file):
    path = file(RULES)
    space = SearchSpace.load(path)
    assert SearchSpace.of(space) is space
    assert SearchSpace.of(str(path)) == SearchSpace.of(path) == SearchSpace.of(space.to_dict()) == space
    assert SearchSpace.of(["relu", "tanh"]).candidates == ("relu", "tanh")
    assert SearchSpace.of("default").name == "default"
    with pytest.raises(ConfigurationError, match="got 3"):
        SearchSpace.of(3)  # type: ignore[arg-type]


def test_families_include_exclude():
    space = SearchSpace.from_dict(
        {"candidates": {"families": ["rectifier"], "include": ["sin"], "exclude": ["prelu"]}}
    )
    assert {"relu", "leaky_relu", "sin"} <= set(space.candidates)
    assert "prelu" not in space.candidates


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\n", "mine.yaml, line 1: the key 'candidates' is missing"),
        ("candidates: [relu]\nlayer: []\n", "line 2, layer: unknown key 'layer'.*Did you mean 'layers'"),
        ("candidates: [relu, relu]\n", "line 1, candidates: The candidate 'relu' is listed twice"),
        ("candidates: []\n", "line 1, candidates: .*at least one"),
        ("candidates: relu\n", "line 1, candidates: .*list"),
        ("candidates: {families: [rectifer]}\n", "No family named 'rectifer'.*Did you mean 'rectifier'"),
        ("candidates: {family: [x]}\n", "unknown key 'family'"),
        ("candidates: {include: [relu], exclude: [tanh]}\n", "exclude: 'tanh' is not among relu"),
        ("candidates: [relu]\nlayers:\n  - keep: true\n", r"line 3, layers\[0\]: the key 'match' is missing"),
        (
            "candidates: [relu]\nlayers:\n  - match: a\n    share: grup\n",
            r"line 4, layers\[0\].share: .*'grup'.*'group'",
        ),
        ("candidates: [relu]\nlayers: 3\n", "line 2, layers: expected a list"),
        (
            "candidates: [relu]\nrelaxation:\n  kind: softmx\n",
            "line 3, relaxation.kind: .*'softmx'.*'softmax'",
        ),
        ("candidates: [relu]\nrelaxation: {temperature: 0}\n", "relaxation.temperature: .*above 0; got 0"),
        ("candidates: [relu]\nrequire: {smoothness: -1}\n", "require.smoothness: .*got -1"),
        ("candidates: [relu]\nrequire: {output: positive}\n", "require.output: .*nonnegative"),
        ("version: 7\ncandidates: [relu]\n", "line 1, version: .*got 7"),
        ("[relu]\n", "mine.yaml, line 1: expected a mapping"),
    ],
)
def test_wrong_files_are_located(file, text, message):
    with pytest.raises(ConfigurationError, match=message):
        SearchSpace.load(file(text))


def test_an_unknown_candidate_is_located(file):
    with pytest.raises(UnknownActivationError, match=r"mine.yaml, line 3, candidates\[1\]: .*'rleu'.*'relu'"):
        SearchSpace.load(file("candidates:\n  - tanh\n  - rleu\n"))


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(
        ConfigurationError, match=r"No search space named 'defalt'; shipped: .*Did you mean 'default'"
    ):
        SearchSpace.load("defalt")
    with pytest.raises(ConfigurationError, match="No search space file"):
        SearchSpace.load("nowhere/space.yaml")


def test_a_rule_that_matches_nothing_lists_the_paths():
    rule = LayerRule(match="nett.*")
    with pytest.raises(ConfigurationError, match=r"'nett.\*' matches no activation.*net.1, net.3"):
        rule.check_use(["net.1", "net.3"])
    LayerRule(match="net.*").check_use(["net.1"])


def test_a_list_of_candidates_is_a_space():
    space = SearchSpace(["ReLU", nn.Tanh], layers=[LayerRule(match="head.*", keep=True)])
    assert space == SearchSpace("custom", ("relu", "tanh"), layers=(LayerRule(match="head.*", keep=True),))
    assert SearchSpace(["relu", "tanh"]) == SearchSpace.of(["relu", "tanh"])
    assert replace(space, name="mine").name == "mine"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SearchSpace("relu"), "SearchSpace(['relu', ...]), or SearchSpace.load('relu')"),
        (lambda: SearchSpace([]), "Candidates are a list of at least one"),
        (lambda: SearchSpace(["relu", "ReLU"]), "The candidate 'relu' is listed twice"),
        (
            lambda: SearchSpace.of("ReLU"),
            "'ReLU' is an activation, not a search space. Candidates are a list",
        ),
        (lambda: SearchSpace(["ReLUU"]), "Did you mean 'relu'?"),
    ],
)
def test_a_space_says_how_to_give_candidates(make, said):
    with pytest.raises(AutoActError, match=re.escape(said)):
        make()


def test_rules_and_requirements_may_be_mappings():
    rule = {"match": "*", "share": "group"}
    space = SearchSpace(["relu", "softplus"], layers=[rule], require={"output": "nonnegative"})
    assert space.layers == (LayerRule(match="*", share="group"),)
    assert space.require.output == "nonnegative"


@pytest.mark.parametrize(
    ("key", "wrong"), [("layers", ["net.*"]), ("layers", [{"matches": "net.*"}]), ("require", "bounded")]
)
def test_rules_and_requirements_of_another_kind_are_named(key, wrong):
    with pytest.raises(ConfigurationError, match=f"^{key}.* is .*it must be a "):
        SearchSpace(["relu"], **{key: wrong})
