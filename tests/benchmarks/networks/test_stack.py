"""A stack trains each of its networks as it would be trained by itself."""

import itertools

import pytest
import torch
from torch import Tensor

from scripts.benchmarks.networks import PerceptronStack, Regime, Rows, perceptron, train_one, train_stack

NAMES = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "softplus", "sin")
MIXED = [tuple(NAMES[(i + j * j) % 8] for j in range(3)) for i in range(8)] + [
    ("relu",) * 3,
    ("relu", "sin", "relu"),
]


def rows(target: str, seed: int = 0) -> Rows:
    generator = torch.Generator().manual_seed(seed)

    def part(count: int) -> tuple[Tensor, Tensor]:
        x = torch.randn(count, 5, generator=generator)
        number = (x[:, 0] * x[:, 1]).sin() + x[:, 2]
        return x, number if target == "number" else (number > 0).long() + (number > 1).long()

    return Rows(training=part(150), selection=part(200), comparison=part(90))


@pytest.mark.parametrize(("target", "outputs"), [("number", 1), ("class", 3)])
def test_a_stack_reaches_what_each_network_reaches_by_itself(target, outputs):
    data = rows(target)
    regime = Regime(epochs=4, batch_size=32, lr=3e-3, measured=(1, 4))
    together = train_stack((5, 16, 16, 16, outputs), MIXED, 7, data, regime)
    for number, names in enumerate(MIXED):
        selection, comparison = train_one((5, 16, 16, 16, outputs), names, 7, data, regime)
        torch.testing.assert_close(together.selection[number], torch.tensor(selection), rtol=2e-4, atol=2e-5)
        torch.testing.assert_close(
            together.comparison[number], torch.tensor(comparison), rtol=2e-4, atol=2e-5
        )


def test_outputs_are_those_of_single_networks_in_any_order_of_activations():
    assignments = [*itertools.product(("sin", "relu", "tanh"), repeat=2)]
    seeds = [number % 4 for number in range(len(assignments))]
    stack = PerceptronStack((4, 6, 7, 2), assignments, seeds)
    x = torch.randn(9, 11, 4)
    for number, (names, seed) in enumerate(zip(assignments, seeds, strict=True)):
        torch.testing.assert_close(stack(x)[number], perceptron((4, 6, 7, 2), names, seed)(x[number]))


def test_a_diverged_network_leaves_the_others_alone():
    stack = PerceptronStack((4, 6, 1), [("relu",), ("relu",), ("sin",)], [0, 1, 2])
    before = stack(torch.ones(3, 2, 4)).detach()
    with torch.no_grad():
        stack.weights[0][1] = torch.nan
    after = stack(torch.ones(3, 2, 4)).detach()
    assert after[1].isnan().all()
    torch.testing.assert_close(after[[0, 2]], before[[0, 2]])


def test_the_callers_random_state_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    perceptron((4, 6, 1), ("relu",), 0)
    assert torch.equal(torch.rand(2), expected)


def test_measurements_out_of_order_are_refused():
    with pytest.raises(ValueError, match=r"measured=\(4, 1\) must ascend"):
        Regime(epochs=4, batch_size=8, lr=1e-3, measured=(4, 1))
    with pytest.raises(ValueError, match="end with epochs=4"):
        Regime(epochs=4, batch_size=8, lr=1e-3, measured=(1, 2))


def test_an_activation_too_many_is_refused():
    with pytest.raises(ValueError, match="2 activations"):
        perceptron((4, 6, 1), ("relu", "relu"), 0)


def test_a_slope_is_that_of_a_single_network_and_stays():
    stack = PerceptronStack((4, 6, 7, 1), [("prelu", "relu"), ("tanh", "prelu")], [0, 1])
    x = torch.randn(2, 5, 4)
    for number, names in enumerate([("prelu", "relu"), ("tanh", "prelu")]):
        torch.testing.assert_close(stack(x)[number], perceptron((4, 6, 7, 1), names, number)(x[number]))
    assert len(list(stack.parameters())) == 6


@pytest.mark.parametrize("decays", [False, True])
def test_falling_rates_and_averaged_weights_are_those_of_single_networks(decays):
    data = rows("class")
    regime = Regime(epochs=4, batch_size=32, lr=3e-3, measured=(1, 4), decays=decays, averaged=0.25)
    together = train_stack((5, 16, 16, 3), [names[:2] for names in MIXED], 7, data, regime)
    assert together.averaged is not None
    for number in (0, 5):
        selection, compared = train_one((5, 16, 16, 3), MIXED[number][:2], 7, data, regime)
        expected = torch.tensor([*selection, compared])
        found = torch.cat([together.selection[number], together.averaged[number]])
        torch.testing.assert_close(found, expected, rtol=2e-4, atol=2e-5)
        assert selection[-1] != selection[-2]


def test_a_rate_that_falls_ends_at_zero():
    network = perceptron((4, 6, 1), ("relu",), 0)
    optimizer, schedule = Regime(epochs=2, batch_size=8, lr=1e-3, measured=(2,), decays=True).optimizer(
        network, 20
    )
    assert schedule is not None
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([1e-3, 1e-3 * (1 + 0.5**0.5) / 2, 5e-4, 1e-3 * (1 - 0.5**0.5) / 2])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_a_constant_rate_has_no_schedule_and_no_average():
    network, regime = (
        perceptron((4, 6, 1), ("relu",), 0),
        Regime(epochs=1, batch_size=8, lr=1e-3, measured=(1,)),
    )
    assert regime.optimizer(network, 20)[1] is None
    assert regime.average(network, 20) is None
