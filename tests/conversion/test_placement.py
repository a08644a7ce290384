"""Hooks on an activation are hooks on what takes its place."""

import pytest
import torch
from torch import nn

from autoact.conversion import apply, convert, finalize
from autoact.spaces import LayerRule, SearchSpace

X = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
GROUP = SearchSpace("group", ("relu", "tanh"), layers=(LayerRule(match="*", share="group"),))


def watched():
    """Return a model whose activation has a hook of every kind, what they saw, and their handles."""
    model, seen = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1)), []

    def note(kind):
        return lambda module, *_: seen.append((kind, type(module).__name__))

    act = model[1]
    handles = [
        act.register_forward_pre_hook(note("before")),
        act.register_forward_hook(lambda module, args, kwargs, out: note("after")(module), with_kwargs=True),
        act.register_full_backward_hook(note("backward")),
    ]
    return model, seen, handles


def test_hooks_stay_through_convert_apply_and_finalize():
    model, seen, handles = watched()
    for step in (
        convert,
        finalize,
        lambda m: apply(m, {"1": "tanh"}),
        lambda m: apply(m, {"1": "swish"}),
    ):
        name = type(step(model)[1]).__name__
        seen.clear()
        model(X).sum().backward()
        assert seen == [("before", name), ("after", name), ("backward", name)]
    for handle in handles:
        handle.remove()
    seen.clear()
    model(X).sum().backward()
    assert seen == []


def test_hooks_on_a_module_that_is_called_twice_watch_both_layers():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.act = nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            return self.act(self.a(self.act(self.a(x))))

    model, seen = Twice(), []
    handle = model.act.register_forward_hook(lambda module, *_: seen.append(type(module).__name__))
    apply(model, {"act_1": "tanh", "act_2": "gelu"})(X)
    assert seen == ["Tanh", "GELU"]
    handle.remove()
    model(X)
    assert seen == ["Tanh", "GELU"]


def test_hooks_of_layers_that_become_one_all_run():
    model, seen = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU()), []
    for name in ("1", "3"):
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: seen.append(name))
    convert(model, GROUP)(X)
    assert seen == ["1", "3", "1", "3"]


def test_counting_channels_runs_every_hook_of_an_activation_once_in_each_run():
    model, seen, _ = watched()
    space = SearchSpace.of(
        {"version": 1, "name": "c", "candidates": ["relu", "tanh"], "relaxation": {"granularity": "channel"}}
    )
    convert(model, space, example_input=X)
    assert [kind for kind, _ in seen].count(
        "before"
    ) == 4  # in evaluation and in training mode, as it is and with probes


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("original", [nn.ReLU, lambda: nn.PReLU(4)])
def test_slopes_have_the_precision_of_the_model(dtype, original):
    """torch's PReLU takes inputs of the precision of its slopes only."""
    x = X.to(dtype)
    for change in (
        lambda m: apply(m, {"1": "prelu"}),
        lambda m: finalize(convert(m, ["relu", "prelu"])),
        lambda m: finalize(apply(m, {"1": "prelu"})),
    ):
        model = nn.Sequential(nn.Linear(4, 4), original(), nn.Linear(4, 1)).to(dtype)
        assert change(model)(x).dtype == dtype
