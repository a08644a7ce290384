"""Whole models are measured side by side, in eval mode, and left as they were."""

import pytest
import torch
from torch import nn

from autoact import Assignment
from autoact.errors import ConfigurationError, ConversionError
from autoact.latency import model_latencies
from autoact.latency._cost_tables import model_table
from tests.latency.stopwatch import Stopwatch


class Slow(nn.Module):
    """A module that takes 3 ms, and 30 in training mode."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        super().__init__()
        self.stopwatch = stopwatch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.stopwatch.sleep(0.03 if self.training else 0.003)
        return x


def net(stopwatch: Stopwatch) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), Slow(stopwatch), nn.Dropout(0.5))


def test_models_are_measured_in_eval_mode_and_stay_as_they_were(stopwatch):
    model = net(stopwatch).train()
    model[3].eval()
    original, other = model_latencies(model, torch.ones(2, 3), {"mine": Assignment({"1": "tanh"})}, 0.1)
    assert (original.name, other.name) == ("original", "mine")
    assert original.milliseconds == pytest.approx(3.0)
    assert original.ratio == (1.0, 1.0, 1.0)
    assert other.ratio == pytest.approx((1.0, 1.0, 1.0))
    assert isinstance(model[1], nn.ReLU)
    assert [module.training for module in model] == [True, True, True, False]


def test_an_assignment_for_another_model_is_refused(stopwatch):
    with pytest.raises(ConversionError, match=r"no activation at 'net\.1'"):
        model_latencies(net(stopwatch), torch.ones(2, 3), {"other": Assignment({"net.1": "tanh"})}, 0.1)


def test_inputs_that_do_not_fit_are_named(stopwatch):
    with pytest.raises(ConfigurationError, match=r"cannot be called on \(\(2, 3\) torch.int64, \(1,\) "):
        model_latencies(net(stopwatch), (torch.ones(2, 3, dtype=torch.long), torch.ones(1)), {}, 0.1)


def test_the_table_shows_times_and_ratios(stopwatch):
    found = model_latencies(net(stopwatch), torch.ones(2, 3), {"mine": Assignment({"1": "tanh"})}, 0.05)
    head, original, mine = model_table(found).splitlines()
    assert head.split() == ["model", "forward", "ms", "of", "the", "original", "quartiles"]
    assert original.split()[2:] == ["1.000", "1.000", "…", "1.000"]
    assert float(mine.split()[1]) == pytest.approx(3.0)
