from typing import Any

import pytest
import torch
from torch import nn

from autoact import apply, auto_layers, convert, derive, finalize
from autoact.conversion import recipe
from autoact.errors import ConversionError
from autoact.training import ActivationSearch, load_weights
from tests.training.models import Hyper, layers

SPACE = ["relu", "tanh", "elu"]
X = torch.linspace(-2, 2, 21).reshape(7, 3)


def slopes(*shape: int) -> Any:
    model: Any = nn.Sequential(nn.Linear(3, 4), nn.PReLU(*shape), nn.Linear(4, 1))
    with torch.no_grad():
        model[1].weight.copy_(torch.rand_like(model[1].weight))
    return model


def same(a: nn.Module, b: nn.Module) -> None:
    torch.testing.assert_close(a(X), b(X), rtol=1e-6, atol=1e-7)


def test_an_original_checkpoint_loads_into_a_converted_model_and_back():
    original, model = layers(), convert(layers(), SPACE)
    found = load_weights(model, original.state_dict())
    assert torch.equal(model(X), original(X))
    assert {name: found.new[name] for name in ("1.logits", "1.raw")} == {"1.logits": (3,), "1.raw": (1,)}
    assert {name.rpartition(".")[0] for name in found.new} == {"1", "3"}
    assert found.dropped == {}
    back = layers()
    again = load_weights(back, model.state_dict())
    assert torch.equal(back(X), original(X))
    assert again.dropped == found.new
    assert (again.new, again.loaded) == ({}, found.loaded)
    assert set(again.loaded) == set(original.state_dict())


def test_the_report_names_what_is_new():
    text = str(load_weights(convert(layers(), SPACE), layers()))
    assert text.startswith("loaded 6 tensors\nnew, as they were in the model: 1.logits (3,), 1.raw (1,)")
    assert "more" in text


@pytest.mark.parametrize("shape", [(), (4,)])
def test_learned_slopes_survive_both_ways(shape):
    original, model = slopes(*shape), convert(slopes(*shape), SPACE)
    load_weights(model, original)
    same(model, original)
    back = slopes(*shape)
    load_weights(back, model)
    same(back, original)
    assert torch.equal(back[1].weight, original[1].weight)


def test_slopes_of_another_number_are_refused():
    with pytest.raises(ConversionError, match=r"1\.weight holds 4 slopes; the model has 1"):
        load_weights(convert(slopes(), SPACE), slopes(4))


def test_without_the_conversion_slopes_stay_and_are_called_new():
    back = slopes()
    assert load_weights(back, convert(slopes(), SPACE).state_dict()).new == {"1.weight": (1,)}


def test_files_of_both_kinds_load(loaders, make_trainer, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trained = Hyper()
    trainer.fit(trained, *loaders)
    trainer.save_checkpoint(tmp_path / "original.ckpt")
    torch.save(trained.state_dict(), tmp_path / "state.pt")
    for name in ("original.ckpt", "state.pt"):
        model = convert(Hyper(), SPACE)
        load_weights(model, tmp_path / name)
        assert torch.equal(model.net(X), trained.net(X))
    trainer = make_trainer(ActivationSearch(SPACE), max_epochs=1)
    trainer.fit(model, *loaders)
    trainer.save_checkpoint(tmp_path / "converted.ckpt")
    plain = Hyper()
    assert load_weights(plain, str(tmp_path / "converted.ckpt")).dropped
    assert torch.equal(plain.net[0].weight, model.net[0].weight)


def test_resuming_from_an_original_checkpoint_names_this_way(loaders, make_trainer, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trainer.fit(Hyper(), *loaders)
    trainer.save_checkpoint(tmp_path / "original.ckpt")
    with pytest.raises(ConversionError, match=r"was not converted.*load_weights"):
        make_trainer(ActivationSearch(SPACE)).fit(Hyper(), *loaders, ckpt_path=tmp_path / "original.ckpt")


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module."])
def test_names_of_wrapped_models_fit(prefix):
    original, model = layers(), convert(layers(), SPACE)
    load_weights(model, {prefix + name: value for name, value in original.state_dict().items()})
    assert torch.equal(model(X), original(X))


def test_a_converted_model_loads_a_converted_one():
    first: Any = convert(layers(), SPACE)
    second: Any = convert(layers(), SPACE)
    with torch.no_grad():
        first[1].logits.add_(torch.tensor([0.0, 1.0, 2.0]))
        first[1].release.fill_(1.0)
    found = load_weights(second, first)
    assert torch.equal(first(X), second(X))
    assert (found.new, found.dropped) == ({}, {})
    with pytest.raises(ConversionError, match=r"1 chooses among relu, silu, elu, but .* relu, tanh, elu"):
        load_weights(convert(layers(), ["relu", "silu", "elu"]), first)


@pytest.mark.parametrize("old", [False, True])
def test_candidates_in_another_order_are_put_right(old, tmp_path):
    names = ["elu", "prelu", "relu", "tanh"]
    first: Any = convert(layers(), names[::-1], start="uniform")
    second: Any = convert(layers(), names, start="uniform")
    with torch.no_grad():
        first[1].logits.add_(torch.tensor([3.0, 1.0, 2.0, 0.0]))
        first[1].raw.add_(torch.tensor([0.5, -0.5]))
    state = {name: t for name, t in first.state_dict().items() if not (old and "_extra_state" in name)}
    source = {"state_dict": state, "autoact_recipe": recipe(first)} if old else state
    found = load_weights(second, source)
    same(second, first)
    assert (found.new, found.dropped) == ({}, {})


def test_other_candidates_in_a_state_are_refused_and_nothing_is_loaded():
    source, model = convert(layers(), ["relu", "tanh", "elu"]), convert(layers(), ["relu", "silu", "elu"])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ConversionError, match=r"1 chooses among relu, silu, elu, but .* relu, tanh, elu"):
        load_weights(model, source.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (layers(9).state_dict(), r"another shape: 0.weight \(9, 3\) for \(8, 3\).*"),
        ({"0.weight": torch.ones(8, 3)}, r"missing: 0\.bias \(8,\)"),
        (layers().state_dict() | {"extra": torch.ones(2)}, r"left over: extra \(2,\)"),
        ({"epoch": 3}, r"a state_dict or a Lightning checkpoint; got dict"),
    ],
)
def test_other_weights_are_refused_and_nothing_is_loaded(state, message):
    model = convert(layers(), SPACE)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ConversionError, match=message):
        load_weights(model, state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(ConversionError, match=r"cannot be read.*none\.pt"):
        load_weights(layers(), tmp_path / "none.pt")


@pytest.mark.filterwarnings("ignore::autoact.nn.DoubtfulChoiceWarning")  # moved by hand, nothing observed
def test_whole_models_can_be_saved(tmp_path):
    """Converted, and finalized with a function that torch lacks."""
    model: Any = convert(layers(), ["swish", "tanh"], start="uniform").eval()  # observes nothing as it runs
    with torch.no_grad():
        model[1].logits.copy_(torch.tensor([30.0, 0.0, 0.0]))
        model[1].raw.add_(0.3)
    assignment = derive(model)
    assert assignment["1"].activation == "swish"
    fixed = apply(layers(), assignment)
    for saved in (model, fixed, finalize(convert(layers(), SPACE))):
        torch.save(saved, tmp_path / "model.pt")
        loaded = torch.load(tmp_path / "model.pt", weights_only=False)
        assert torch.equal(loaded(X), saved(X))
        assert list(auto_layers(loaded)) == list(auto_layers(saved))
    assert derive(torch.load(_saved(model, tmp_path), weights_only=False)) == assignment


def _saved(model: nn.Module, folder):
    torch.save(model, folder / "again.pt")
    return folder / "again.pt"


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "objects"])
def test_files_that_hold_no_weights_are_told_in_one_line(tmp_path, kind):
    file = tmp_path / "model.pt"
    torch.save(nn.Linear(2, 2) if kind == "objects" else nn.Linear(2, 2).state_dict(), file)
    whole = file.read_bytes()
    file.write_bytes({"cut": whole[:300], "empty": b"", "text": b"weights"}.get(kind, whole))
    with pytest.raises(ConversionError, match=r"model\.pt holds no weights that torch reads") as told:
        load_weights(nn.Linear(2, 2), file)
    assert "\n" not in str(told.value)
