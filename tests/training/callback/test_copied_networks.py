"""Networks that are copied during a training: the copy follows its source through it."""

import copy

import pytest
import torch

from autoact import auto_layers
from autoact.conversion import apply
from autoact.training import ActivationSearch
from tests.training.models import Regression

pytestmark = pytest.mark.filterwarnings("ignore:You defined a .validation_step. but have no")


class Bootstrapped(Regression):
    """As value learning does it: a target that is made when the training starts, and trails behind."""

    made_in_init = False

    def __init__(self):
        super().__init__()
        if self.made_in_init:
            self.target_net = copy.deepcopy(self.net)

    def on_fit_start(self):
        if not self.made_in_init:
            self.target_net = copy.deepcopy(self.net)

    @torch.no_grad()
    def on_train_batch_end(self, outputs, batch, batch_idx):
        for p, q in zip(self.net.parameters(), self.target_net.parameters(), strict=True):
            q.data.mul_(0.0)
            torch.add(q.data, p.data, out=q.data)


class MadeInInit(Bootstrapped):
    made_in_init = True


@pytest.mark.parametrize("kind", [Bootstrapped, MadeInInit])
def test_a_target_follows_through_the_training(kind, loader, make_trainer):
    model, callback = kind(), ActivationSearch(["relu", "tanh", "elu"])
    make_trainer(callback).fit(model, loader)
    assert list(auto_layers(model)) == ["net.1", "net.3"]
    assert not torch.equal(model.net[1].logits, model.net[1].anchor)
    x = torch.randn(8, model.net[0].in_features)
    assert torch.equal(model.net(x), model.target_net(x))
    copies = {path for path in callback.assignment if path.startswith("target_net")}
    assert copies == ({"target_net.1", "target_net.3"} if kind is MadeInInit else set())
    fresh = apply(kind(), callback.assignment)
    assert type(fresh.net[1]) is type(copy.deepcopy(fresh).net[1])
    if kind is MadeInInit:
        assert type(fresh.target_net[1]) is type(fresh.net[1])
