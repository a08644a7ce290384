"""Turns of loops: a layer for each where each takes other weights, counted anew in every forward."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from autoact import SearchSpace, apply, auto_layers, convert, derive, finalize, find_layers
from autoact.conversion import recipe, replay
from autoact.spaces import LayerRule
from autoact.training import load_weights
from tests.conversion.loops import (
    Arguments,
    Attribute,
    Blocks,
    Comprehension,
    Conditional,
    Dropped,
    Function,
    Helper,
    Indexed,
    Inner,
    InPlace,
    Last,
    Local,
    Named,
    Nested,
    Recurrent,
    Recursive,
    Shadowed,
    Unknown,
    Unsplit,
    Variants,
    While,
    Written,
)

pytestmark = pytest.mark.filterwarnings("ignore:One module instance was used in several places:UserWarning")
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


NAMES = {
    Attribute: ["act_1", "act_2", "act_3"],
    Function: ["relu_1_1", "relu_1_2", "relu_1_3"],
    Indexed: ["relu_1_1", "relu_1_2", "relu_1_3"],
    Named: ["relu_1_1", "relu_1_2"],
    Local: ["relu_1_1", "relu_1_2"],
    Comprehension: ["act_1", "act_2", "act_3"],
    Written: ["relu_1_1", "relu_1_2"],
    Last: ["act_1", "act_2"],
    Conditional: ["relu_1_1", "relu_1_2"],
}


@pytest.mark.parametrize("kind", NAMES)
def test_every_turn_with_other_weights_has_a_layer(kind):
    model = kind()
    before = model(X)
    convert(model)
    assert list(auto_layers(model)) == NAMES[kind]
    assert torch.equal(model(X), before)
    for layer in auto_layers(model).values():
        assert layer.observed == 1
    model(X).sum().backward()
    assert all(layer.logits.grad is not None for layer in auto_layers(model).values())
    model.eval()
    torch.testing.assert_close(finalize(model)(X), before)


@pytest.mark.parametrize("kind", [*NAMES, Blocks])
def test_each_turn_runs_its_own_layer_and_no_other(kind):
    model = convert(kind()).eval()
    before = model(X)
    for path, layer in auto_layers(model).items():
        calls: list[int] = []
        handle = layer.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        assert torch.equal(model(X), before)
        handle.remove()
        assert calls == [1], path


def test_loops_in_loops_have_a_layer_for_each_pair():
    model = Blocks()
    before = model(X)
    convert(model)
    pairs = [f"{i}_{j}" for i in (1, 2, 3) for j in (1, 2)]
    assert set(auto_layers(model)) == {f"elu_{n}_{pair}" for n in (1, 2) for pair in pairs}
    assert torch.equal(model(X), before)


def test_a_loop_around_that_repeats_the_weights_repeats_the_layers():
    model = Nested()
    before = model(X)
    with pytest.warns(UserWarning, match=r"'relu_1_3', 'relu_2_1', .* may run several times"):
        convert(model)
    assert set(auto_layers(model)) == {f"relu_{n}_{turn}" for n in (1, 2) for turn in (1, 2, 3)}
    assert torch.equal(model(X), before)


@pytest.mark.parametrize("kind", [Recurrent, Unknown, While, Inner, Shadowed])
def test_a_loop_that_repeats_its_weights_or_is_not_understood_is_one_layer(kind):
    model = kind()
    before = model(X)
    with pytest.warns(UserWarning, match=r"'relu_1' may run several .* F.relu .*a choice per turn where"):
        convert(model)
    assert list(auto_layers(model)) == ["relu_1"]
    assert torch.equal(model(X), before)


def test_the_one_turn_of_a_loop_is_one_layer():
    model = Function(1)
    before = model(X)
    with pytest.warns(UserWarning, match="may run several times"):
        convert(model)
    assert list(auto_layers(model)) == ["relu_1"]
    assert torch.equal(model(X), before)


def test_a_turn_keeps_its_layer_whichever_others_are_skipped():
    model = apply(Dropped(), {"act_1": "tanh", "act_2": "sigmoid", "act_3": "gelu"})
    one, two, three = model.convs
    torch.testing.assert_close(model(X), F.gelu(three(torch.sigmoid(two(torch.tanh(one(X)))))))
    model.skipped = (0,)
    torch.testing.assert_close(model(X), F.gelu(three(torch.sigmoid(two(X)))))
    model.skipped, model.end = (), 1
    torch.testing.assert_close(model(X), torch.sigmoid(two(torch.tanh(one(X)))))


def test_the_count_begins_anew_after_an_exception():
    model: Any = apply(Attribute(), {"act_1": "tanh", "act_2": "sigmoid", "act_3": "gelu"})
    before = model(X)
    handle = model.convs[1].register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model(X)
    handle.remove()
    assert torch.equal(model(X), before)


def test_the_count_belongs_to_the_call():
    model = apply(Recursive(), {"act_1": "tanh", "act_2": "sigmoid", "act_3": "gelu"})

    acts: Any = torch.tanh, torch.sigmoid, F.gelu

    def expected(x, depth=1):
        for conv, act in zip(model.convs, acts, strict=True):
            x = act(conv(x))
            x = x + expected(x, depth - 1) if depth else x
        return x

    torch.testing.assert_close(model(X), expected(X))
    inputs = [torch.randn(6, 4) for _ in range(16)]
    with ThreadPoolExecutor(4) as pool:
        for x, y in zip(inputs, pool.map(model, inputs), strict=True):
            torch.testing.assert_close(y, expected(x))


def test_checkpointing_runs_the_same_layers_again():
    model = convert(Attribute(), start="uniform")
    x = X.clone().requires_grad_()
    model(x).sum().backward()
    grads = [torch.as_tensor(layer.logits.grad).clone() for layer in auto_layers(model).values()]
    model.zero_grad()
    checkpoint(model, x, use_reentrant=False).sum().backward()
    for layer, grad in zip(auto_layers(model).values(), grads, strict=True):
        torch.testing.assert_close(layer.logits.grad, grad)


def test_more_turns_than_layers_are_an_error_that_names_the_place():
    model = convert(Attribute())
    model.convs.append(nn.Linear(4, 4))
    with pytest.raises(IndexError, match=r"self.act \(loops.py, line \d+\) runs in turn 4 of .* 3 turns"):
        model(X)


def test_turns_that_keep_their_activation_compute_it_as_before():
    space = SearchSpace("part", ("relu", "tanh"), layers=(LayerRule(match="act_2", keep=True),))
    model = convert(Attribute(), space)
    assert list(auto_layers(model)) == ["act_1", "act_3"]
    assert isinstance(model.act, nn.ReLU)
    with torch.no_grad():
        for layer in auto_layers(model).values():
            layer.anchor.copy_(torch.tensor([0.0, 1.0]))
    one, two, three = model.convs
    torch.testing.assert_close(model(X), torch.tanh(three(F.relu(two(torch.tanh(one(X)))))))


def test_turns_are_changed_one_by_one_wherever_the_calls_stand():
    model = Arguments()
    before, (one, two, three) = model(X), model.convs
    assert set(find_layers(model).layers) == {
        *(f"elu_1_{i}_{j}" for i in (1, 2, 3) for j in (1, 2, 3)),
        *(f"elu_2_{i}" for i in (1, 2, 3)),
    }
    assert torch.equal(apply(model, {"elu_1_2_3": "elu", "elu_2_2": "elu"})(X), before)
    apply(model, {"elu_1_2_3": "tanh", "elu_2_2": "relu"})
    expected = F.relu(two(F.elu(one(X)) + F.elu(two(X)) + torch.tanh(three(X))))
    torch.testing.assert_close(model(X), expected)


def test_calls_in_place_stay_in_place():
    model = InPlace()
    before = model(X)
    apply(model, {"relu_1_2": "relu"})
    apply(model, {"relu_1_2": "leaky_relu"})
    one, two, three = model.convs
    torch.testing.assert_close(model(X), F.relu(three(F.leaky_relu(two(F.relu(one(X)))))))
    assert torch.equal(convert(apply(model, {"relu_1_2": "relu"}))(X), before)


@pytest.mark.parametrize("match", ["act", "act_*"])
def test_a_rule_lets_all_turns_choose_together(match):
    space = SearchSpace("one", ("relu", "tanh"), layers=(LayerRule(match=match, share="group"),))
    assert find_layers(Attribute(), space).groups == (("act_1", "act_2", "act_3"),)
    assert list(auto_layers(convert(Attribute(), space))) == ["act_1"]


@pytest.mark.parametrize(("kind", "path"), [(Attribute, "act"), (Function, "relu_1")])
def test_one_path_stands_for_all_turns(kind, path):
    model = kind()
    expected = copy.deepcopy(model)
    apply(expected, dict.fromkeys(NAMES[kind], "tanh"))
    torch.testing.assert_close(apply(model, {path: "tanh"})(X), expected(X))


@pytest.mark.parametrize("kind", [Attribute, Function, Blocks])
def test_copies_pickles_recipes_and_weights(kind):
    model = convert(kind(), start="uniform")
    expected = model.eval()(X)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X), expected)
    again = replay(kind(), recipe(model)).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(X), expected)
    assert list(find_layers(model).layers) == list(auto_layers(model))
    plain = kind()
    chosen = apply(kind(), derive(model)).eval()
    load_weights(plain, chosen.state_dict())
    assert torch.equal(plain.eval()(X), chosen(X))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Attribute, Function, Last, Blocks, Comprehension])
def test_converted_loops_compile_once_and_export(kind):
    model = convert(kind())
    torch._dynamo.reset()
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend, fullgraph=True)
    for step in range(4):
        torch.testing.assert_close(compiled(X), copy.deepcopy(model)(X), atol=1e-6, rtol=1e-6)
        with torch.no_grad():
            for layer in auto_layers(model).values():
                layer.release.fill_(step / 4)
    assert len(graphs) == 1
    model.eval()
    torch.testing.assert_close(torch.export.export(model, (X,)).module()(X), model(X), atol=1e-6, rtol=1e-6)


def test_loops_count_in_the_method_that_has_the_call():
    assert list(find_layers(Unsplit()).layers) == ["act_1", "act_2", "act_3"]
    assert list(find_layers(Helper()).layers) == ["act"]


def test_a_variant_that_forward_never_calls_is_no_second_place():
    model = Variants()
    assert find_layers(model).calls == {}
    assert list(auto_layers(convert(model))) == ["act"]


@pytest.mark.parametrize("kind", [Attribute, Function, Blocks, Comprehension])
def test_a_finalized_loop_is_plain(kind):
    chosen = ["tanh", "relu", "gelu"]
    model = kind().eval()
    model = apply(model, {p: chosen[n % 3] for n, p in enumerate(find_layers(model).layers)})
    expected = model(X)
    finalize(model)
    assert torch.equal(model(X), expected)
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(X), expected)
    assert b"autoact.conversion" not in pickle.dumps(model)
    assert type(finalize(convert(kind()))) is kind
