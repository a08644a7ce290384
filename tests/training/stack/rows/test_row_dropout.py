"""Dropout of a stack: masks as a plain training draws them, each network's own."""

import pytest
import torch
from torch import Tensor, nn

from autoact.training.stack.rows import RowDropout, put_dropouts, recorded_dropouts


def alone(layer: nn.Module, x: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    y: Tensor = layer(x)
    return y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_rows_are_left_out_as_by_plain_layers(p: float, dtype: torch.dtype) -> None:
    x = torch.randn(3, 5, 7, dtype=dtype)

    def draw(mask: object) -> Tensor:
        assert callable(mask)
        return torch.stack([alone(lambda _: mask(), x, seed) for seed in range(3)])  # type: ignore[arg-type]

    expected = torch.stack([alone(nn.Dropout(p), row, seed) for seed, row in enumerate(x)])
    assert torch.equal(RowDropout(p, draw).of_rows(x), expected)


def test_nothing_is_drawn_in_evaluation() -> None:
    x = torch.ones(2)
    assert RowDropout(0.5, lambda mask: pytest.fail("drew")).eval()(x) is x


def test_a_layer_in_two_places_is_one_and_others_stay() -> None:
    shared, changes = nn.Dropout(0.1).eval(), nn.Dropout(0.2, inplace=True)
    net = nn.Sequential(shared, nn.Sequential(shared, changes), nn.Dropout2d())
    put_dropouts(net, lambda mask: mask()[None])
    inner = net[1]
    assert isinstance(inner, nn.Sequential)
    assert net[0] is inner[0]
    assert isinstance(net[0], RowDropout)
    assert not net[0].training
    assert inner[1] is changes
    assert type(net[2]) is nn.Dropout2d


def test_what_is_recorded_can_be_drawn_again() -> None:
    net, x = nn.Sequential(nn.Dropout(0.4), nn.Dropout(0.0), nn.Dropout(0.5).eval()), torch.ones(4, 3)
    torch.manual_seed(1)
    with recorded_dropouts(net) as masks:
        y = net(x)
    after = torch.get_rng_state()
    torch.manual_seed(1)
    drawn = [mask() for mask in masks]
    assert len(drawn) == 2
    assert torch.equal(y, drawn[0] * drawn[1])
    assert torch.equal(after, torch.get_rng_state())
