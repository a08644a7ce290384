"""What initialize holds: second moments layer by layer, for any activation and any kind of layer."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import autoact
from autoact import analysis
from autoact.errors import ConfigurationError
from autoact.geometry import initialize


def chain(act: nn.Module | str, depth: int = 6, width: int = 512) -> nn.Sequential:
    made = autoact.FixedActivation(act) if isinstance(act, str) else act
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, width), made]
    return nn.Sequential(*layers, nn.Linear(width, 3))


def moments(model: nn.Sequential, x: torch.Tensor) -> list[float]:
    found = []
    with torch.no_grad():
        for layer in list(model)[:-1]:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                found.append(float(x.square().mean()))
    return found


@pytest.mark.parametrize(
    "name", ["relu", "silu", "gelu", "mish", "hardswish", "tanh", "sigmoid", "sin", "abs"]
)
def test_fresh_batches_keep_their_second_moment(name):
    draw = torch.Generator().manual_seed(0)
    batch, fresh = torch.randn(2, 256, 512, generator=draw)
    model = chain(name)
    done = initialize(model, batch, generator=draw)
    assert list(done) == ["0", "2", "4", "6", "8", "10"]
    assert all(layer.second_moment == pytest.approx(1.0, abs=1e-5) for layer in done.values())
    assert moments(model, fresh) == pytest.approx([1.0] * 6, abs=0.15)
    assert done["2"].gain == pytest.approx(analysis.gain(name), rel=2e-3)


def test_the_gain_is_that_of_the_activation_that_feeds():
    model = nn.Sequential(
        nn.Linear(64, 64),
        nn.Tanh(),
        nn.Dropout(),
        nn.Linear(64, 64),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(64, 64),
        nn.ReLU(),
    )
    done = initialize(model, torch.randn(512, 64))
    want = {"0": 1.0, "3": analysis.gain("tanh"), "6": analysis.gain("silu")}
    assert {path: layer.gain for path, layer in done.items()} == pytest.approx(want, rel=2e-3)
    assert model.training


def test_every_module_keeps_its_mode():
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout()).train()
    model.get_submodule("1").eval()
    state = {key: value.clone() for key, value in model.get_submodule("1").state_dict().items()}
    initialize(model, torch.randn(64, 8))
    assert [module.training for module in model] == [True, False, True, True]
    assert all(torch.equal(v, state[k]) for k, v in model.get_submodule("1").state_dict().items())


def test_learned_mixtures_count_as_they_are():
    mixture = autoact.AutoActivation(["tanh", "softplus"])
    with torch.no_grad():
        mixture.logits.copy_(torch.tensor([1.5, -0.5]))
    done = initialize(chain(mixture, depth=3), torch.randn(256, 512))
    assert done["2"].gain == pytest.approx(analysis.gain(mixture), rel=2e-3)


def test_calls_in_source_residuals_convolutions_and_heads():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.body = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3, padding=1)
            self.norm, self.head = nn.BatchNorm2d(16), nn.Linear(16, 5)

        def forward(self, x):
            h = F.silu(self.stem(x))
            h = h + F.relu(self.norm(self.body(h)))
            return self.head(h.mean((2, 3)))

    model = Net()
    head, norm = model.head.weight.clone(), {k: v.clone() for k, v in model.norm.state_dict().items()}
    done = initialize(model, torch.randn(32, 3, 12, 12))
    assert list(done) == ["stem", "body"]
    assert done["body"].gain == pytest.approx(analysis.gain("silu"), rel=2e-3)
    assert torch.equal(model.head.weight, head)
    assert all(torch.equal(v, norm[k]) for k, v in model.norm.state_dict().items())


def test_after_an_assignment_changed_only_the_scale_is_measured_again():
    third = nn.Linear(128, 128)
    layers = [nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), third, nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 3))
    batch = torch.randn(256, 128)
    initialize(model, batch)
    before = third.weight.clone()
    autoact.apply(model, autoact.Assignment({"1": "relu", "3": "softplus", "5": "silu"}))
    assert abs(moments(model, batch)[-1] - 1) > 0.2
    done = initialize(model, batch, redraw=False)
    assert moments(model, batch) == pytest.approx([1.0] * 4, abs=1e-4)
    torch.testing.assert_close(third.weight, before * done["4"].factor)


def test_the_batch_variance_tells_when_the_input_is_lost():
    """Sigmoid keeps the second moment while every input gives the same."""
    done = initialize(chain("sigmoid", depth=14), torch.randn(64, 512))
    last = done["26"]
    assert last.second_moment == pytest.approx(1.0, abs=1e-5)
    assert last.variance < 1e-8


def test_what_cannot_be_scaled_is_named():
    with pytest.raises(ConfigurationError, match=r"The outputs of 0 have second moment 0\.0 on the batch"):
        initialize(chain("relu"), torch.zeros(4, 512))
    with pytest.raises(ConfigurationError, match="The outputs of 0 have second moment nan"):
        initialize(chain("relu"), torch.full((4, 512), math.nan))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["silu", "hardswish", "gelu"])
def test_unstable_variance_maps_hold_over_depth_on_fresh_inputs(name):
    """Without biases most inputs vanish beside a few; with them at most a rare one escapes upwards."""
    draw = torch.Generator().manual_seed(2)
    batch, fresh = torch.randn(2, 32, 512, generator=draw)
    model = chain(name, depth=40)
    initialize(model, batch, generator=draw)
    with torch.no_grad():
        z = model[:-2](fresh)
        sizes = z.square().mean(1)
        assert 0.5 < sizes.mean() < 2
        assert sizes.min() > 0.3
        assert sizes.quantile(0.9) < 1.5
        assert z.var(0).mean() > 1e-5
