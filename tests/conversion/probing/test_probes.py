"""Probing: activations that never run with an example input are no layers."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoact import AutoActivation, auto_layers, convert, find_layers
from autoact.errors import ConversionError

X = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
TABLE = {"silu": nn.SiLU()}
NEVER = "never called with the example input"


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act = nn.Linear(4, 4), nn.ReLU()


class BesideATable(Base):
    """Keeps its activation for information, and calls the one of a table."""

    def __init__(self):
        super().__init__()
        self.info = TABLE["silu"]

    def forward(self, x: Tensor) -> Tensor:
        return self.act(TABLE["silu"](self.a(x)))


class SwitchedOff(Base):
    def __init__(self, project: bool = False):
        super().__init__()
        self.project = project

    def forward(self, x: Tensor) -> Tensor:
        if self.project:
            x = F.gelu(x)
        return self.act(self.a(x))


class UnusedBranch(Base):
    def __init__(self):
        super().__init__()
        self.other = nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4))

    def forward(self, x: Tensor, other: bool = False) -> Tensor:
        return self.act(self.other(x) if other else self.a(x))


class UnusedEntry(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.name = nn.Linear(4, 4), "relu"
        self.acts = nn.ModuleDict({"relu": nn.ReLU(), "gelu": nn.GELU()})

    def forward(self, x: Tensor) -> Tensor:
        return self.acts[self.name](self.a(x))


class Modes(Base):
    """One activation in each mode, and one that never runs."""

    def __init__(self):
        super().__init__()
        self.train_only, self.eval_only, self.idle = nn.ELU(), nn.GELU(), nn.SiLU()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.act(self.a(x)))
        return self.train_only(x) if self.training else self.eval_only(x)


IDLE = {
    BesideATable: ["info"],
    SwitchedOff: ["gelu_1"],
    UnusedBranch: ["other.1"],
    UnusedEntry: ["acts.gelu"],
    Modes: ["idle"],
}


@pytest.mark.parametrize(("make", "idle"), IDLE.items())
def test_what_never_runs_is_named_and_left_out(make: Callable[[], nn.Module], idle: list[str]) -> None:
    model = make()
    everything, plan = find_layers(model), find_layers(model, example_input=X)
    assert {path: plan.left_alone[path] for path in idle} == dict.fromkeys(idle, NEVER)
    assert list(plan.layers) == [path for path in everything.layers if path not in idle]
    for known in (plan.candidates, plan.settings, plan.paths):
        assert list(known) == list(plan.layers)
    assert [path for group in plan.groups for path in group] == list(plan.layers)
    before = model.eval()(X)
    assert list(auto_layers(convert(model, example_input=X))) == list(plan.layers)
    torch.testing.assert_close(model(X), before, rtol=0, atol=1e-6)


def test_probing_changes_nothing() -> None:
    model = Modes().train()
    model.a.eval()
    state, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    rng, modules = torch.get_rng_state(), list(model.modules())
    find_layers(model, example_input=X[:1])  # one example is enough, batch normalization or not
    assert torch.equal(torch.get_rng_state(), rng)
    assert [module.training for module in model.modules()] == modes
    assert [*map(id, model.modules())] == [*map(id, modules)]
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_converted_model_is_probed_as_well() -> None:
    model = convert(SwitchedOff(), ["relu", "tanh"])
    plan = find_layers(model, ["relu", "tanh"], example_input=X)
    assert list(plan.layers) == ["act"]
    assert isinstance(model.gelu_1, AutoActivation)


class NothingRuns(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.a(x)


class TrainsWithTargets(Base):
    """Runs on an example in evaluation mode only, so nobody knows what training reaches."""

    def __init__(self):
        super().__init__()
        self.head = nn.ReLU()

    def forward(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        x = self.act(self.a(x))
        return self.head(x) - target if self.training else x


def test_nothing_runs() -> None:
    model = NothingRuns()
    for call in (find_layers, convert):
        with pytest.raises(ConversionError, match=r"of its activations \(act\), none is called"):
            call(model, example_input=X)
    assert type(model.act) is nn.ReLU


def test_what_runs_in_one_mode_only_is_not_judged() -> None:
    assert list(find_layers(TrainsWithTargets(), example_input=X).layers) == ["act", "head"]


def test_a_wrong_example_raises_what_the_model_raises() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        find_layers(SwitchedOff(), example_input=X[:, :3])


def test_lazy_modules_are_called_first() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU())
    with pytest.raises(ConversionError, match=r"lazy modules.*call it once"):
        find_layers(model, example_input=X)
    model(X)
    assert list(find_layers(model, example_input=X).layers) == ["1"]


class Restless(Modes):
    """Changes itself while it runs."""

    def forward(self, x: Tensor) -> Tensor:
        self.last = x
        self.norm.get_buffer("num_batches_tracked").add_(1)
        self.add_module("act", nn.Tanh())
        return super().forward(x)


def test_what_a_model_changes_while_it_runs_is_put_back() -> None:
    model = Restless()
    find_layers(model, example_input=X)
    assert not hasattr(model, "last")
    assert model.norm.num_batches_tracked == 0
    assert type(model.act) is nn.ReLU
