"""Generated classes stand beside the user's: sources, registries and names stay as they were."""

import copy
import pickle
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize

X = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))


def nested():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4)

        def forward(self, x):
            return self.a(F.elu(self.a(F.elu(self.a(x)))))

    return Nested()


def test_classes_made_by_one_function_are_converted_one_after_another():
    for _ in range(3):
        model = nested()
        before = model(X)
        assert torch.allclose(convert(model, ["elu", "tanh"])(X), before, atol=1e-6)
        assert list(auto_layers(model)) == ["elu_1", "elu_2"]
        assert [type(m) for m in finalize(model).children()] == [nn.Linear]


class Registered(nn.Module):
    registry: ClassVar[dict[str, type]] = {}

    def __init_subclass__(cls, *, key=None, **kwargs):
        super().__init_subclass__(**kwargs)
        Registered.registry[key or cls.__name__] = cls


class Net(Registered, key="net"):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        return self.a(F.relu(self.a(x)))


class Listing(type):
    made: ClassVar[list[str]] = []

    def __new__(cls, name, bases, attributes):
        cls.made.append(name)
        return super().__new__(cls, name, bases, attributes)


class Listed(nn.Module, metaclass=Listing):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        return self.a(F.relu(self.a(x)))


def test_a_registry_of_classes_keeps_the_users_class():
    model = convert(Net())
    assert {"net": Net} == Registered.registry
    assert type(model).__name__ == "Net"
    assert isinstance(model, Net)
    plain = finalize(apply(Net(), {"relu_1": "tanh"}))
    assert torch.equal(pickle.loads(pickle.dumps(plain))(X), plain(X))
    assert {"net": Net} == Registered.registry
    assert Registered.registry["net"]()(X).shape == X.shape
    assert torch.equal(copy.deepcopy(model)(X), model(X))
    assert torch.equal(pickle.loads(pickle.dumps(model))(X), model(X))


def test_a_metaclass_is_not_told_of_generated_classes():
    model = convert(Listed())
    plain = finalize(apply(Listed(), {"relu_1": "tanh"}))
    assert torch.equal(pickle.loads(pickle.dumps(plain))(X), plain(X))
    assert Listing.made == ["Listed"]
    assert type(type(model)) is Listing
    assert list(auto_layers(model)) == ["relu_1"]


class Private(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self._act = nn.Linear(4, 4), nn.Linear(4, 4), nn.SiLU()

    def forward(self, x):
        return self._act(self.b(self._act(self.a(x))))


@pytest.mark.filterwarnings("ignore:One module instance")
def test_an_attribute_with_an_underscore_that_is_called_twice():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Private())
    before = model(X)
    convert(model, ["relu", "silu"])
    assert list(auto_layers(model)) == ["1", "2._act_1", "2._act_2"]
    assert torch.allclose(model(X), before, atol=1e-6)
    fresh = apply(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Private()), {"2._act_2": "tanh"})
    assert isinstance(fresh[2]._act_2, nn.Tanh)


class Reduced(Private):
    def __reduce__(self):
        return _made, (type(self),), {**vars(self), "was": "reduced"}


def _made(kind):
    return kind.__new__(kind)


@pytest.mark.filterwarnings("ignore:One module instance")
def test_what_a_user_says_of_pickling_holds_for_rewritten_calls():
    model = convert(Reduced(), ["silu", "tanh"])
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.was == "reduced"
        assert list(auto_layers(again)) == ["_act_1", "_act_2"]
        assert type(again) is type(model)
        assert torch.equal(again(X), model(X))
        apply(again, {"_act_1": "tanh"})
        assert not torch.allclose(again(X), model(X))
