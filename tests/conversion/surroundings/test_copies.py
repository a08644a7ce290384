"""Copies that never train, such as target networks, follow their source: one choice for both."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from autoact.conversion import (
    apply,
    auto_layers,
    convert,
    derive,
    finalize,
    find_layers,
    follow_sources,
    recipe,
    replay,
)
from autoact.conversion.surroundings import copies
from autoact.spaces import LayerRule, SearchSpace

NAMES = ["relu", "tanh", "elu"]
X = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))


class Critic(nn.Module):
    def __init__(self, out=1, last=None):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, out), *([last] if last else []))

    def forward(self, x):
        return self.net(x)


class TD3(nn.Module):
    """As stable-baselines3 names its networks; targets are made first, to make nothing of the order."""

    def __init__(self):
        super().__init__()
        self.actor_target, self.critic_target = Critic(last=nn.Tanh()), Critic(2)
        self.actor, self.critic = Critic(last=nn.Tanh()), Critic(2)
        self.synchronize()

    def synchronize(self):
        self.actor_target.load_state_dict(self.actor.state_dict())
        self.critic_target.load_state_dict(self.critic.state_dict())

    def forward(self, x):
        return self.actor(x)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = Critic()
        self.behind = copy.deepcopy(self.online).requires_grad_(False)


class Averaged(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Critic()
        self.average = AveragedModel(self.net)


class Online(nn.Module):
    def __init__(self):
        super().__init__()
        self.online_network = Critic()
        self.target_network = copy.deepcopy(self.online_network)


class Indexed(nn.Module):
    def __init__(self):
        super().__init__()
        self.q1, self.q2, self.q1_target, self.q2_target = (Critic() for _ in range(4))


class Old(nn.Module):
    def __init__(self, equal=True):
        super().__init__()
        self.policy, self.policy_old = Critic(), Critic()
        if equal:
            self.policy_old.load_state_dict(self.policy.state_dict())


class Inside(nn.Module):
    def __init__(self):
        super().__init__()
        self.target_policy = TD3()


FOUND = {
    Inside: {
        "target_policy.actor_target": "target_policy.actor",
        "target_policy.critic_target": "target_policy.critic",
    },
    Old: {"policy_old": "policy"},
    TD3: {"actor_target": "actor", "critic_target": "critic"},
    Frozen: {"behind": "online"},
    Averaged: {"average.module": "net"},
    Online: {"target_network": "online_network"},
    Indexed: {"q1_target": "q1", "q2_target": "q2"},
}


@pytest.mark.parametrize("kind", FOUND)
def test_copies_are_found(kind):
    assert copies(kind()) == FOUND[kind]


class Encoders(nn.Module):
    """Both train; the name is a word of the problem's."""

    def __init__(self):
        super().__init__()
        self.source_encoder, self.target_encoder = Critic(), Critic()


class Teacher(nn.Module):
    """It learned before, and is no copy."""

    def __init__(self):
        super().__init__()
        self.one, self.two = Critic(), Critic().requires_grad_(False)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Critic()
        self.net_target = self.net


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.net_target = Critic(1), Critic(2)


class Clones(nn.Module):
    def __init__(self):
        super().__init__()
        first = Critic()
        self.layers = nn.ModuleList(copy.deepcopy(first) for _ in range(3))


@pytest.mark.parametrize("kind", [Encoders, Teacher, Shared, Other, Clones, lambda: Old(False)])
def test_what_is_no_copy_is_not_taken_for_one(kind):
    assert copies(kind()) == {}


def test_the_plan_says_who_follows_whom():
    plan = find_layers(TD3(), NAMES)
    assert plan.groups == (("actor.net.1", "actor_target.net.1"), ("critic.net.1", "critic_target.net.1"))
    assert dict(plan.follows) == {"actor_target.net.1": "actor.net.1", "critic_target.net.1": "critic.net.1"}
    assert "output head" in plan.left_alone["actor.net.3"]
    assert plan.left_alone["actor_target.net.3"] == "it follows actor.net.3, which is left alone"
    assert find_layers(convert(TD3(), NAMES), NAMES).groups == plan.groups


def test_targets_stay_though_only_their_sources_run():
    plan = find_layers(TD3(), NAMES, example_input=X)
    assert plan.groups == (("actor.net.1", "actor_target.net.1"),)
    assert plan.left_alone["critic_target.net.1"] == plan.left_alone["critic.net.1"]


def test_a_rule_for_the_source_counts_for_the_copy():
    space = SearchSpace("own", ("relu", "tanh"), layers=(LayerRule(match="critic.*", candidates=("elu",)),))
    plan = find_layers(TD3(), space)
    assert plan.candidates["critic_target.net.1"] == plan.candidates["critic.net.1"] == ("elu", "relu")


def step(model, copying):
    """Train actor and critic a little, then let the targets follow."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    optimizer.zero_grad()
    loss = (model.actor(X) - 1).square().mean() + (model.critic(X) + 1).square().mean()
    loss.backward()
    optimizer.step()
    copying(model)


@torch.no_grad()
def polyak(model, tau=0.5):
    """As stable-baselines3 writes it: two statements, in place."""
    for name in ("actor", "critic"):
        own, theirs = getattr(model, name), getattr(model, f"{name}_target")
        for p, q in zip(own.parameters(), theirs.parameters(), strict=True):
            q.data.mul_(1 - tau)
            torch.add(q.data, p.data, alpha=tau, out=q.data)


@pytest.mark.parametrize("share", ["layer", "group"])
@pytest.mark.parametrize("start", ["same", "uniform"])
def test_copying_of_every_kind_keeps_the_target_at_its_source(start, share):
    space = SearchSpace("s", tuple(NAMES), layers=(LayerRule(match="*", share=share),))
    for copying in (TD3.synchronize, lambda model: polyak(model, 1.0)):
        model: Any = convert(TD3(), space, start=start)
        for _ in range(3):
            step(model, copying)
            assert all(torch.equal(model.critic(X), model.critic_target(X)) for _ in range(2))
        layer = model.critic.net[1]
        assert not torch.equal(layer.logits, layer.anchor)
        assert layer.release > 0


def test_averaging_averages_the_logits_once():
    model: Any = convert(TD3(), NAMES)
    before = model.critic_target.net[1].logits.clone()
    step(model, polyak)
    own, target = model.critic.net[1], model.critic_target.net[1]
    torch.testing.assert_close(target.logits, (before + own.logits) / 2)
    assert target.leader is own
    own.release.fill_(1.0)
    torch.testing.assert_close(target.weights(), target.logits.softmax(0))


def test_the_copy_makes_no_choice_of_its_own():
    model = convert(TD3(), NAMES)
    assert list(auto_layers(model)) == ["actor.net.1", "critic.net.1"]
    with torch.no_grad():
        layer = auto_layers(model)["critic.net.1"]
        layer.logits.copy_(torch.tensor([0.0, 9.0, 0.0]))
        layer.release.fill_(1.0)
        layer.observe(X)
    with pytest.warns(UserWarning, match="means little|observed|never"):
        chosen = derive(model)
    assert chosen["critic.net.1"] == chosen["critic_target.net.1"]
    assert chosen["critic.net.1"].activation == "tanh"
    with pytest.warns(UserWarning, match="means little|observed|never"):
        finalize(model)
    assert type(model.critic.net[1]) is type(model.critic_target.net[1]) is nn.Tanh
    model.synchronize()


def test_an_assignment_of_the_source_is_one_of_the_copy():
    model = apply(TD3(), {"critic.net.1": "tanh"})
    assert type(model.critic_target.net[1]) is nn.Tanh
    assert type(model.actor_target.net[1]) is nn.ReLU
    model.synchronize()
    polyak(model)
    converted = apply(convert(TD3(), NAMES), {"critic.net.1": "tanh"})
    assert type(converted.critic_target.net[1]) is nn.Tanh


def test_what_follows_does_so_in_copies_and_in_replayed_models():
    model = convert(TD3(), NAMES)
    for each in (copy.deepcopy(model), replay(TD3(), recipe(model))):
        target, own = each.critic_target.net[1], each.critic.net[1]
        assert target.leader is own
        assert not target.logits.requires_grad
        each.load_state_dict(model.state_dict())
    assert recipe(replay(TD3(), recipe(model))) == recipe(model)


def test_an_average_follows():
    model: Any = convert(Averaged(), NAMES)
    assert list(auto_layers(model)) == ["net.net.1"]
    with torch.no_grad():
        for parameter in model.net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.net.net[1].release.fill_(1.0)
    model.average.update_parameters(model.net)
    assert torch.equal(model.average(X), model.net(X))
    outside = AveragedModel(model.net)
    assert torch.equal(outside(X), model.net(X))


def test_a_copy_made_after_the_conversion_follows_once_it_is_asked_to():
    model: Any = convert(nn.ModuleDict({"net": Critic()}), NAMES)
    model["net_target"] = copy.deepcopy(model["net"])
    assert list(auto_layers(model)) == ["net.net.1", "net_target.net.1"]
    follow_sources(model)
    assert list(auto_layers(model)) == ["net.net.1"]
    model["net"].net[1].release.fill_(1.0)
    assert torch.equal(model["net"](X), model["net_target"](X))
