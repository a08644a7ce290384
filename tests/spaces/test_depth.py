"""Rules by relative depth, and assignments that move from a small model to a large one."""

import pickle

import pytest
from torch import nn

import autoact
from autoact.conversion import find_layers
from autoact.errors import ConfigurationError
from autoact.spaces import Assignment, Choice, LayerRule, SearchSpace
from autoact.spaces._depth import NAMES, Depth, positions

SPACE = """\
candidates: [relu, gelu, tanh]
layers:
  - {match: "encoder.layers.*", depth: first quarter, share: group}
  - {match: "encoder.layers.*", depth: [0.25, 1], share: group}
"""


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.act, self.gate, self.down = nn.Linear(4, 4), nn.ReLU(), nn.ReLU(), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.down(self.act(self.up(x)) * self.gate(x))


def stack(depth):
    encoder = nn.ModuleDict({"layers": nn.Sequential(*(Block() for _ in range(depth)))})
    return nn.ModuleDict({"encoder": encoder, "head": nn.Sequential(nn.Linear(4, 4), nn.ReLU())})


@pytest.fixture
def space(tmp_path):
    (tmp_path / "deep.yaml").write_text(SPACE)
    return SearchSpace.load(tmp_path / "deep.yaml")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("part", ["half", "third", "quarter"])
def test_the_parts_of_a_stack_share_it_out_without_rest(count, part):
    places = positions([f"layers.{i}.act" for i in range(count)])
    parts = [Depth.of(name) for name in NAMES if name.endswith(part)]
    assert [sum(at in one for one in parts) for at in places.values()] == [1] * count


def test_blocks_count_not_activations(space):
    plan = find_layers(stack(8), space)
    first = {
        path for path, rule in ((p, plan.space.rule_for(p)) for p in plan.layers) if rule == space.layers[0]
    }
    assert first == {f"encoder.layers.{i}.{name}" for i in (0, 1) for name in ("act", "gate")}
    assert [len(group) for group in plan.groups] == [4, 12, 1]


def test_numbers_before_the_stack_do_not_count():
    paths = [f"model.0.layers.{i}.act" for i in range(4)]
    rule = LayerRule(match="model.0.layers.*", depth="last half").within(paths)
    assert [rule.matches(path) for path in paths] == [False, False, True, True]


def test_a_rule_with_a_depth_needs_a_model(space):
    with pytest.raises(ConfigurationError, match=r"depth: first quarter needs to know a model's layers"):
        space.rule_for("encoder.layers.0.act")
    assert space.rule_for("head.1") is None


def test_depths_survive_plain_data_and_pickle(space):
    assert SearchSpace.from_dict(space.to_dict()) == space
    bound = space.within(["encoder.layers.0.act"])
    assert bound == space
    assert bound.fingerprint() == space.fingerprint()
    assert pickle.loads(pickle.dumps(bound)).layers[0].stack == bound.layers[0].stack
    assert LayerRule(match="a", depth=" first  half") == LayerRule(match="a", depth="first half")


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        ("frist quarter", "got 'frist quarter'. Did you mean 'first quarter'"),
        ("second third", "depth is one of first half, last half"),
        ([0.5, 0.5], r"0 <= low < high <= 1; got \[0.5, 0.5\]"),
        ([0, 2], r"got \[0, 2\]"),
        (0.5, "got 0.5"),
    ],
)
def test_wrong_depths_are_named(depth, message):
    with pytest.raises(ConfigurationError, match=message):
        LayerRule(match="a", depth=depth)


def test_an_assignment_found_on_a_small_model_applies_to_a_large_one(space):
    small, large = stack(4), stack(12)
    plan = find_layers(small, space)
    assert len(plan.groups[0]) == 2  # act and gate of the first of four blocks
    found = Assignment(
        {path: "gelu" if path in plan.groups[0] else "tanh" for path in plan.layers}, name="found"
    )
    moved = found.stretched(find_layers(large, space).layers, space)
    autoact.apply(large, moved)
    layers = large["encoder"]["layers"]
    kinds = [[type(block.act), type(block.gate)] for block in layers]
    assert kinds == [[nn.GELU, nn.GELU]] * 3 + [[nn.Tanh, nn.Tanh]] * 9
    assert isinstance(large["head"][1], nn.Tanh)
    assert moved.name == "found"


def test_a_shared_choice_moves_by_its_rule_not_by_the_nearest_layer(space):
    found = Assignment({f"encoder.layers.{i}.act": "gelu" if i == 0 else "tanh" for i in range(3)})
    paths = [f"encoder.layers.{i}.act" for i in range(12)]
    with_rules = [choice.activation for choice in found.stretched(paths, space).values()]
    nearest = [choice.activation for choice in found.stretched(paths).values()]
    assert with_rules == ["gelu"] * 3 + ["tanh"] * 9
    assert nearest == ["gelu"] * 4 + ["tanh"] * 8


def test_kinds_of_layers_do_not_mix():
    found = Assignment({"b.0.act": "relu", "b.0.gate": "tanh", "b.1.act": "gelu", "b.1.gate": "sin"})
    moved = found.stretched(["b.0.act", "b.0.gate", "b.1.act", "b.2.gate", "b.3.act"])
    assert [c.activation for c in moved.values()] == ["relu", "tanh", "relu", "sin", "gelu"]


def test_the_same_model_gets_the_same_assignment():
    paths = [f"s.{i}.b.{j}.act" for i in range(3) for j in range(2)] + ["head.1"]
    found = Assignment({path: Choice("elu", {"alpha": 0.1 * i}) for i, path in enumerate(paths)})
    assert found.stretched(paths) == found


def test_deeper_stages_fall_back_to_the_nearest_of_all_blocks():
    found = Assignment({f"s.{i}.b.{j}.act": name for i, name in enumerate(["relu", "gelu"]) for j in (0, 1)})
    moved = found.stretched([f"s.{i}.b.{j}.act" for i in (0, 1) for j in range(6)])
    assert [c.activation for c in moved.values()] == ["relu"] * 6 + ["gelu"] * 6


def test_a_layer_of_unknown_kind_is_named():
    with pytest.raises(
        ConfigurationError, match=r"No choice for 'decoder.0.act': the assignment knows enc.\*.act"
    ):
        Assignment({"enc.0.act": "relu"}).stretched(["enc.0.act", "decoder.0.act"])
