"""Same weights: an activation that stands beside them at several paths is one place."""

import pytest
import torch
from torch import Tensor, nn

from autoact import apply, auto_layers, convert, derive, finalize, find_layers, load_weights
from autoact.conversion import SharingWarning, recipe, replay

SPACE = ["relu", "tanh"]
X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class Sliced(nn.Module):
    """Trains the whole, evaluates its parts."""

    def __init__(self):
        super().__init__()
        net = nn.Sequential(
            nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.0), nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 1)
        )
        self.net, self.features, self.head = net, net[:2], net[2:]

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) if self.training else self.head(self.features(x))


class Beginning(nn.Module):
    """A part that begins with the activation."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
        self.rest = self.net[1:]


class Twice(nn.Module):
    """One instance, other weights behind it: two places; the second has a common head."""

    def __init__(self):
        super().__init__()
        act, head = nn.ReLU(), nn.Linear(4, 1)
        self.one = nn.Sequential(nn.Linear(4, 4), act, head)
        self.other = nn.Sequential(nn.Linear(4, 4), act, head)


@pytest.mark.parametrize(
    ("make", "layers"),
    [
        (Sliced, {"net.1": ("net.1", "features.1"), "net.4": ("net.4", "head.4")}),
        (Beginning, {"net.1": ("net.1", "rest.1")}),
        (Twice, {"one.1": ("one.1",), "other.1": ("other.1",)}),
    ],
)
def test_places(make, layers):
    assert find_layers(make(), SPACE).paths == layers


def test_what_learns_in_training_evaluates():
    model = Sliced()
    with pytest.warns(SharingWarning, match="one instance used in several places"):
        convert(model, SPACE)
    for layer in auto_layers(model).values():
        layer.release.fill_(1.0)
        layer.logits.data.copy_(torch.tensor([0.3, 1.0, 0.2][: len(layer.candidates)]))
    assert torch.allclose(model.train()(X), model.eval()(X))
    again = replay(Sliced(), recipe(model))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(X), model(X))
    chosen = derive(model)
    assert set(chosen) == {"net.1", "net.4"}
    finalize(model)
    assert torch.equal(model.train()(X), model.eval()(X))


def test_a_choice_stands_at_every_path_and_is_saved():
    model, fresh = apply(Sliced(), {"net.1": "tanh"}), Sliced()
    assert model.get_submodule("net.1") is model.get_submodule("features.1")
    load_weights(fresh, model.state_dict())
    assert type(fresh.get_submodule("features.1")) is nn.Tanh
    assert torch.equal(fresh.eval()(X), model.train()(X))
