import copy
import io
import warnings

import pytest
import torch
from torch import nn

from autoact.conversion import apply, auto_layers, convert, derive, finalize, recipe, replay
from autoact.conversion._conversion_plan import SpaceLike
from autoact.errors import ConversionError
from autoact.spaces import Assignment, Choice, LayerRule, Relaxation, SearchSpace

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
SPACES: dict[str, SpaceLike] = {
    "default": "default",
    "group": SearchSpace("group", ("relu", "tanh"), layers=(LayerRule(match="body.*", share="group"),)),
    "channel": SearchSpace("channel", ("relu", "elu"), relaxation=Relaxation(granularity="channel")),
}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(4, 4), nn.PReLU(4), nn.Linear(4, 1))

    def forward(self, x):
        return self.head(self.body(x))


def jiggle(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    for layer in auto_layers(model).values():
        layer.release.fill_(0.5)


def through_a_file(data):
    buffer = io.BytesIO()
    torch.save(data, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_a_fresh_model_becomes_the_converted_one(space):
    model = convert(Net(), SPACES[space], example_input=X)
    jiggle(model)
    saved = through_a_file({"recipe": recipe(model), "state": model.state_dict()})
    fresh = replay(Net(), saved["recipe"])
    fresh.load_state_dict(saved["state"])
    assert torch.equal(fresh(X), model(X))
    assert repr(fresh) == repr(model)
    assert recipe(fresh) == recipe(model)
    assert list(auto_layers(fresh)) == list(auto_layers(model))
    assert derive(fresh) == derive(model)
    assert convert(fresh, SPACES[space]) is fresh
    assert repr(fresh) == repr(model)


@pytest.mark.parametrize("space", SPACES)
def test_partly_applied_models_are_replayed_too(space):
    model = convert(Net(), SPACES[space], example_input=X)
    apply(model, Assignment({"body.1": Choice("swish", {"beta": 2.0})}))
    for _ in range(2):
        fresh = replay(Net(), through_a_file(recipe(model)))
        fresh.load_state_dict(model.state_dict())
        assert torch.equal(fresh(X), model(X))
        assert repr(fresh) == repr(model)
        apply(model, derive(model) if auto_layers(model) else {})


def test_a_finalized_model_has_no_recipe():
    model = convert(Net())
    finalize(model)
    assert recipe(model) is None
    assert recipe(convert(model)) is not None


def test_a_model_that_was_not_converted_has_no_recipe():
    assert recipe(Net()) is None
    assert repr(replay(Net(), None)) == repr(Net())


def test_replaying_twice_changes_nothing():
    model = convert(Net())
    fresh = replay(replay(Net(), recipe(model)), recipe(model))
    assert recipe(fresh) == recipe(model)


def test_a_part_that_was_converted_is_seen_from_the_whole():
    model = Net()
    convert(model.body)
    assert list((recipe(model) or {})["layers"]) == ["body.1", "body.3"]
    convert(model)
    assert list((recipe(model) or {})["layers"]) == ["body.1", "body.3", "head.1"]
    fresh = replay(Net(), recipe(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), model(X))


def test_a_block_that_is_used_twice_stays_shared():
    def tied():
        block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        return nn.Sequential(block, nn.Linear(4, 4), block)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = convert(tied())
    fresh = replay(tied(), recipe(model))
    assert fresh[0][1] is fresh[2][1]
    fresh.load_state_dict(model.state_dict())


def test_the_recipe_is_no_part_of_the_state_but_of_copies():
    model = convert(Net())
    assert not any("recipe" in key for key in model.state_dict())
    assert recipe(copy.deepcopy(model)) == recipe(model)


def test_another_architecture_or_version_is_refused():
    made = recipe(convert(Net()))
    with pytest.raises(ConversionError, match=r"no activation at 'body.1'; it is not the architecture"):
        replay(nn.Sequential(nn.Linear(2, 2)), made)
    with pytest.raises(ConversionError, match="version 1; got 7"):
        replay(Net(), {**(made or {}), "version": 7})
