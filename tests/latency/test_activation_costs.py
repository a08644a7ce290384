"""Every candidate is measured on the tensors that reach its layer; the model stays as it was."""

from typing import Any

import pytest
import torch
from torch import nn

from autoact import AutoActivation, latency
from autoact.errors import ConfigurationError, ConversionError
from autoact.latency import activation_costs
from autoact.latency._activation_costs import MIXTURE, totals
from autoact.latency._cost_tables import activation_table


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(144, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def costs():
    return activation_costs(net(), torch.randn(2, 3, 8, 8), ["relu", "silu"], seconds=0.05)


def test_shapes_are_those_that_reach_the_layers(costs):
    calls = {(cost.name, cost.shape): cost.calls for cost in costs if cost.name != MIXTURE}
    image, row = (2, 4, 6, 6), (2, 5)
    assert calls == {
        ("relu", image): 3, ("silu", image): 3, ("prelu", image): 1,
        ("relu", row): 1, ("silu", row): 1, ("leaky_relu", row): 1,
    }  # fmt: skip
    mixtures = [cost for cost in costs if cost.name == MIXTURE]
    assert [(cost.shape, cost.calls) for cost in mixtures] == [(image, 1), (image, 2), (row, 1)]


def test_times_and_bytes_are_those_of_one_call(costs):
    assert all(cost.forward > 0 and cost.training > 0 for cost in costs)
    for cost in costs:
        if cost.name in ("relu", "silu"):
            assert cost.kept.total == 4 * cost.elements
            assert cost.kept.output == (cost.kept.total if cost.name == "relu" else 0)


def test_sums_run_over_all_calls(costs):
    calls, forward, _, kept = totals(costs)["silu"]
    own = [cost for cost in costs if cost.name == "silu"]
    assert calls == 4
    assert forward == pytest.approx(sum(cost.calls * cost.forward for cost in own))
    assert kept == 3 * 4 * 288 + 4 * 10


def test_the_model_stays_as_it_was():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    activation_costs(model, torch.randn(8, 4, generator=torch.Generator()), ["relu", "tanh"], seconds=0.01)
    assert isinstance(model[2], nn.ReLU)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_layers_that_the_model_has_already_are_measured_unless_a_rule_keeps_them():
    own = [AutoActivation(["tanh", "gelu"]), AutoActivation(["relu", "silu"])]
    model = nn.Sequential(nn.Linear(4, 4), own[0], nn.Linear(4, 4), own[1])
    space = {"candidates": ["relu"], "layers": [{"match": "3", "keep": True}]}
    found = activation_costs(model, torch.ones(2, 4), space, seconds=0.01)
    assert [cost.name for cost in found] == ["tanh", "gelu", MIXTURE]


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act, self.out = nn.Tanh(), nn.Linear(2, 1, dtype=torch.bfloat16)

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
        return self.out(self.act(x * scale))


def test_keywords_and_precisions_are_the_models():
    batch: Any = {"x": torch.ones(4, 2).bfloat16(), "scale": torch.ones(2).bfloat16()}
    found = activation_costs(Two(), batch, ["tanh", "gelu"], seconds=0.01)
    assert {(cost.dtype, cost.shape) for cost in found} == {("bfloat16", (4, 2))}


def test_what_cannot_be_measured_says_why():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    with pytest.raises(
        ConfigurationError, match=r"Sequential cannot be called on \(2, 5\) torch.float32: .*4x4"
    ):
        activation_costs(model, torch.ones(2, 5), seconds=0.01)
    with pytest.raises(ConversionError, match="Nothing to convert"):
        activation_costs(nn.Sequential(nn.Linear(4, 4)), torch.ones(2, 4), seconds=0.01)


def test_the_table_has_a_block_for_every_shape_and_the_sums(costs):
    text = activation_table(costs)
    assert "2x4x6x6 float32, 3 calls per forward pass" in text
    assert "2x5 float32, 1 call per forward pass" in text
    assert "the whole model, wherever each is a candidate" in text
    (row,) = [line.split() for line in text.splitlines() if line.startswith("silu") and line.endswith(" 4")]
    assert row[-3:] == ["3.4", "KiB", "4"]


def test_public_names_are_there():
    assert all(hasattr(latency, name) for name in latency.__all__)
