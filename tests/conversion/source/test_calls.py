import copy
import functools
import io
import pickle
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import elu, gelu

from autoact.conversion import (
    apply,
    auto_layers,
    convert,
    derive,
    finalize,
    find_layers,
    recipe,
    replay,
)
from autoact.conversion.source._rewriting import opened
from autoact.nn import AutoActivation
from autoact.spaces import Assignment, Choice, Relaxation, SearchSpace

pytestmark = pytest.mark.filterwarnings("ignore:One module instance was used in several places:UserWarning")
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(4, 4) for _ in range(3))
        self.drop = nn.Dropout(0.5)
        self.slope = 0.2


class Plain(Base):
    def forward(self, x, twice: bool = False, *, scale=1.0):
        x = F.relu(self.one(x))
        if self.training:
            x = self.drop(x)
        if twice:
            x = torch.tanh(self.two(x))
        return self.three(gelu(self.two(x), approximate="tanh")) * scale


class Methods(Base):
    def forward(self, x):
        return self.three(self.two(self.one(x).relu()).tanh())


class Settings(Base):
    def forward(self, x):
        x = F.leaky_relu(self.one(x), self.slope)
        x = elu(self.two(x), alpha=0.7, inplace=True)
        return self.three(F.hardtanh(x, -0.5, 2.0))


class Nested(Base):
    def forward(self, x):
        def inner(t):
            return F.relu(self.one(t))

        return self.three((lambda t: torch.relu(self.two(t)))(inner(x)))


class Twice(Base):
    def __init__(self):
        super().__init__()
        self.act = nn.PReLU(4, init=0.3)

    def forward(self, x):
        if self.act is not None:
            x = self.act(self.one(x))
        return self.three(self.act(self.two(x)))


class __Private(Base):
    def __init__(self):
        super().__init__()
        self.__hidden = nn.Linear(4, 4)

    def forward(self, x):
        return self.three(F.relu(self.__hidden(x)))


KINDS = {
    Plain: ["relu_1", "tanh_1", "gelu_1"],
    Methods: ["relu_1", "tanh_1"],
    Settings: ["leaky_relu_1", "elu_1", "hardtanh_1"],
    Nested: ["relu_1", "relu_2"],
    Twice: ["act_1", "act_2"],
    __Private: ["relu_1"],
}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


def computed(model, **given):
    torch.manual_seed(0)
    return model(X, **given)


@pytest.mark.parametrize("training", [True, False])
def test_calls_become_layers_and_the_model_computes_the_same(kind, training):
    model = kind().train(training)
    before = computed(model)
    plan = find_layers(model)
    assert type(model) is kind
    convert(model)
    assert sorted(auto_layers(model)) == sorted(KINDS[kind]) == sorted(plan.layers)
    assert torch.allclose(computed(model), before, rtol=1e-6, atol=1e-6)
    assert isinstance(model, kind)
    assert type(model).__name__ == kind.__name__
    computed(model).sum().backward()
    if training and kind is not Plain:
        assert all(layer.logits.grad is not None for layer in auto_layers(model).values())
    idle = training and kind is Plain  # its tanh runs only where it is asked for twice
    with pytest.warns(UserWarning, match="ever observed at tanh_1") if idle else nullcontext():
        finalize(model)
    assert torch.allclose(computed(model), before, rtol=1e-6, atol=1e-6)
    assert not auto_layers(model)


def test_settings_are_those_of_the_call():
    assert find_layers(Settings()).layers == {
        "leaky_relu_1": Choice("leaky_relu", {"negative_slope": 0.2}),
        "elu_1": Choice("elu", {"alpha": 0.7}),
        "hardtanh_1": Choice("hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    }
    assert find_layers(Plain()).layers["gelu_1"] == Choice("gelu_tanh")


def test_the_layers_are_what_runs():
    model = convert(Plain().eval(), ["relu", "tanh"], start="uniform")
    seen = []
    for path, layer in auto_layers(model).items():
        layer.register_forward_hook(lambda *_, path=path: seen.append(path))
    computed(model)
    assert seen == ["relu_1", "gelu_1"]
    computed(model, twice=True, scale=2.0)
    assert seen[2:] == ["relu_1", "tanh_1", "gelu_1"]


def test_copies_pickles_and_saved_models_are_whole(kind):
    model = convert(kind().eval())
    before = computed(model)
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    copies = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(buffer, weights_only=False),
    ]
    for each in copies:
        assert torch.equal(computed(each), before)
        assert type(each) is type(model)
        assert list(auto_layers(each)) == list(auto_layers(model))
        for layer in auto_layers(each).values():
            layer.release.fill_(1.0)
        assert torch.equal(computed(model), before)
        assert not torch.equal(computed(each), before)


def test_a_recipe_makes_the_same_structure(kind):
    model = convert(kind().eval())
    fresh = replay(kind().eval(), recipe(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(computed(fresh), computed(model))
    assert repr(fresh) == repr(model)
    assert convert(fresh) is fresh
    assert repr(fresh) == repr(model)
    apply(model, derive(model))
    plain = replay(kind().eval(), recipe(model))
    plain.load_state_dict(model.state_dict())
    assert torch.equal(computed(plain), computed(model))


def test_an_assignment_goes_to_one_call_or_to_all_of_a_module():
    first = apply(Twice(), Assignment({"act_1": "tanh"}))
    assert isinstance(first.act_1, nn.Tanh)
    assert isinstance(first.act, nn.PReLU)
    assert list(find_layers(first).layers) == ["act_2", "act_1"]
    both = apply(first, Assignment({"act_2": "tanh"}))
    assert isinstance(both.act, nn.Identity)
    whole = apply(Twice(), Assignment({"act": "tanh"}))
    assert type(whole) is Twice
    assert isinstance(whole.act, nn.Tanh)
    assert torch.equal(whole.eval()(X), _with(whole, both).eval()(X))
    original = derive(convert(Plain()))
    assert repr(apply(Plain(), original)) == repr(Plain())


def _with(source, target):
    target.load_state_dict(source.state_dict(), strict=False)
    return target


class Held(Base):
    def __init__(self, act=F.gelu):
        super().__init__()
        self.act = act

    def forward(self, x):
        return self.three(self.act(self.two(self.act(self.one(x)))))


def test_a_function_in_an_attribute_gets_a_layer_per_call():
    model = Held().eval()
    before = model(X)
    convert(model)
    assert list(auto_layers(model)) == ["act_1", "act_2"]
    assert torch.allclose(model(X), before, atol=1e-6)
    assert torch.allclose(pickle.loads(pickle.dumps(model))(X), before, atol=1e-6)
    assert torch.allclose(finalize(model)(X), before, atol=1e-6)


def test_a_function_with_settings_in_an_attribute():
    model = Held(functools.partial(F.elu, alpha=0.7, inplace=False))
    assert set(find_layers(model).layers.values()) == {Choice("elu", {"alpha": 0.7})}
    before = model(X)
    torch.testing.assert_close(convert(model)(X), before, atol=1e-6, rtol=1e-6)


class Residual(Base):
    """As torchvision writes its blocks: one module, twice, in place."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = x
        out = self.one(x)
        out = self.relu(out)
        out = self.two(out)
        out += identity
        out = self.relu(out)
        return self.three(out)


def test_a_module_in_place_is_a_layer_of_its_own_where_nobody_looks_back():
    model = Residual()
    before = model(X)
    convert(model)
    assert list(auto_layers(model)) == ["relu_1", "relu_2"]
    assert not any(call.in_place for call in opened(model))
    assert torch.equal(model(X), before)


def test_channels_of_calls_are_counted():
    space = SearchSpace("channels", ("relu", "tanh"), relaxation=Relaxation(granularity="channel"))
    model = Plain().eval()
    before = model(X, twice=True)
    assert find_layers(model, space, example_input=X).left_alone["tanh_1"].startswith("never called")
    assert type(model) is Plain
    assert not hasattr(model, "relu_1")
    convert(model, space, example_input={"x": X, "twice": True})
    assert {path: layer.channels for path, layer in auto_layers(model).items()} == dict.fromkeys(
        KINDS[Plain], 4
    )
    assert torch.allclose(model(X, twice=True), before, atol=1e-6)


class InPlace(Base):
    def __init__(self, module=False):
        super().__init__()
        self.act = nn.ReLU(inplace=True)
        self.module = module

    def forward(self, x):
        hidden = self.one(x)
        same = hidden
        if self.module:
            self.act(hidden)
        else:
            F.relu_(hidden)
        kept, other = self.two(same), self.three(same)
        elu(kept, inplace=True)
        other[:, 0].relu_()
        last = self.one(other)
        late = torch.relu_(last)
        return self.three(late + last + kept + hidden)


@pytest.mark.parametrize("module", [True, False])
def test_calls_in_place_keep_their_meaning(module):
    model = InPlace(module)
    before = model(X)
    before.sum().backward()
    gradient = copy.deepcopy(model.one.weight.grad)
    convert(model)
    assert set(auto_layers(model)) == {"act_1", "relu_1", "relu_2", "relu_3", "elu_1"}
    model.zero_grad()
    after = model(X)
    torch.testing.assert_close(after, before, atol=1e-6, rtol=1e-6)
    after.sum().backward()
    torch.testing.assert_close(model.one.weight.grad, gradient, atol=1e-6, rtol=1e-6)
    assert all(layer.logits.grad is not None for p, layer in auto_layers(model).items() if p == "elu_1")


class Taken(Base):
    def __init__(self):
        super().__init__()
        self.relu_1 = nn.ReLU()

    def forward(self, x):
        return self.three(F.relu(self.relu_1(self.one(x))))


def test_names_that_the_model_uses_are_not_taken():
    model = Taken()
    assert list(find_layers(model).layers) == ["relu_call_1", "relu_1"]
    convert(model)
    assert isinstance(model.relu_1, AutoActivation)
    assert isinstance(model.relu_call_1, AutoActivation)


def test_every_object_of_a_class_is_its_own():
    model = nn.Sequential(Plain(), Plain())
    convert(model[0])
    assert type(model[1]) is Plain
    convert(model)
    assert len(auto_layers(model)) == 6
    assert type(model[0]) is type(model[1])


class Loop(Base):
    def forward(self, x):
        for _ in range(2):
            x = F.relu(self.one(x))
        return self.three(x)


def test_a_call_in_a_loop_that_repeats_weights_is_one_layer_and_a_warning_says_so():
    with pytest.warns(UserWarning, match=r"'relu_1' .* several times .* F.relu \(test_calls.py, line \d+\)"):
        model = convert(Loop())
    assert list(auto_layers(model)) == ["relu_1"]


@pytest.mark.slow
def test_a_converted_model_compiles_and_exports():
    model = convert(Methods().eval())
    expected = model(X)
    assert torch.allclose(torch.compile(model, backend="eager", fullgraph=True)(X), expected)
    finalize(model)
    assert torch.allclose(torch.export.export(model, (X,)).module()(X), expected, atol=1e-6)
