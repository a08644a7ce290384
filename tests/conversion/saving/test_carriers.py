import copy
import io
import pickle
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from autoact import apply, convert, derive, finalize, load_weights
from autoact.conversion import KEY, recipe
from autoact.errors import ConversionError
from autoact.spaces import Choice

CHOSEN = {"net.1": "gelu", "relu_1": Choice("elu", {"alpha": 0.5})}
X = torch.linspace(-2, 2, 12).reshape(4, 3)


class Net(nn.Module):
    """A module, a call in the source, and a weight with two names."""

    def __init__(self) -> None:
        super().__init__()
        linear = nn.Linear(4, 4)
        self.net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), linear)
        self.head = nn.Linear(4, 4)
        self.head.weight = linear.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.net(x)))


def applied() -> Any:
    return apply(Net(), CHOSEN)


NAMED = {KEY, f"net.{KEY}"}  # by the whole, and by the part that holds an activation


def test_the_state_has_entries_more_and_the_model_no_tensor_more():
    model, plain = applied(), Net()
    assert set(model.state_dict()) - set(plain.state_dict()) == NAMED
    assert len(list(model.parameters())) == len(list(plain.parameters()))
    assert list(model.buffers()) == []
    assert len(list(model.modules())) == len(list(plain.modules())) + 1  # the call became a module


def test_a_strict_load_into_the_plain_model_fails_by_that_name():
    with pytest.raises(RuntimeError, match=f'Unexpected key.*"{KEY}"'):
        Net().load_state_dict(applied().state_dict())
    assert set(Net().load_state_dict(applied().state_dict(), strict=False).unexpected_keys) == NAMED


def test_what_is_cut_out_by_a_prefix_names_its_own():
    """As people take the network out of a LightningModule's checkpoint."""
    model = nn.ModuleDict({"model": applied(), "other": nn.Linear(1, 1)})
    for prefix, fresh in {"model.": Net(), "model.net.": Net().net}.items():
        state = model.state_dict()
        part = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        with pytest.raises(RuntimeError, match=f'Unexpected key.*"{KEY}"'):
            fresh.load_state_dict(part)
        load_weights(fresh, part)
        assert type(fresh.get_submodule("net.1" if prefix == "model." else "1")) is nn.GELU


def test_a_model_with_the_same_activations_takes_it():
    model, fresh = applied(), applied()
    assert str(fresh.load_state_dict(model.state_dict())) == "<All keys matched successfully>"
    assert torch.equal(fresh(X), model(X))


def test_a_model_with_other_activations_refuses_it():
    other = apply(Net(), {"net.1": "tanh", "relu_1": "tanh"})
    with pytest.raises(RuntimeError, match=r"net\.1 is tanh, but the weights are of gelu"):
        other.load_state_dict(applied().state_dict())
    told = other.load_state_dict(applied().state_dict(), strict=False).unexpected_keys
    assert {name.partition(" (")[0] for name in told} == NAMED


def test_original_weights_are_taken_since_the_activations_were_asked_for():
    assert str(applied().load_state_dict(Net().state_dict())) == "<All keys matched successfully>"


def test_a_part_that_is_saved_alone_names_its_own():
    model = applied()
    assert set(model.net.state_dict()) - set(Net().net.state_dict()) == {KEY}
    with pytest.raises(RuntimeError, match=KEY):
        Net().net.load_state_dict(model.net.state_dict())
    applied().net.load_state_dict(model.net.state_dict())
    assert KEY not in model.head.state_dict()


def test_a_part_to_which_they_were_applied_speaks_for_itself():
    model = Net()
    apply(model.net, {"1": "gelu"})
    assert [name for name in model.state_dict() if KEY in name] == [f"net.{KEY}"]
    apply(model, {"relu_1": "tanh"})
    assert {name for name in model.state_dict() if KEY in name} == NAMED


def test_choices_equal_to_the_original_need_no_entry():
    assert KEY not in apply(Net(), {"net.1": "relu", "relu_1": "relu"}).state_dict()
    back = apply(applied(), {"net.1": "relu", "relu_1": "relu"})
    assert KEY not in back.state_dict()
    back.load_state_dict(Net().state_dict())


def test_what_finalize_returns_carries_nothing():
    def carried(model: nn.Module) -> list[Any]:
        return [
            (KEY in vars(m), dict(m._state_dict_hooks), dict(m._load_state_dict_pre_hooks))
            for m in model.modules()
        ]

    searched = convert(Net(), ["gelu", "tanh"], start="uniform")
    for model in (finalize(searched), finalize(applied())):
        assert set(model.state_dict()) == set(Net().state_dict())
        assert {str(each) for each in carried(model)} == {str((False, {}, {}))}
        assert recipe(model) is None


def test_a_choice_after_finalize_names_all_of_them():
    model = finalize(convert(Net(), ["relu", "gelu"], start="uniform"))
    with pytest.raises(RuntimeError, match=KEY):
        Net().load_state_dict(apply(model, {"net.1": "tanh"}).state_dict())


def test_a_searched_model_made_plain_by_apply_is_named():
    model: Any = convert(Net(), ["relu", "tanh"], start="uniform")
    assert KEY not in model.state_dict()
    assert KEY in apply(model, {path: "tanh" for path in derive(model)}).state_dict()


def test_copies_and_pickles_carry_their_own():
    model = applied()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other.state_dict()[KEY], model.state_dict()[KEY])
        apply(other, {"net.1": "relu", "relu_1": "relu"})
        assert KEY not in other.state_dict()
    assert KEY in model.state_dict()


def test_a_conversion_that_fails_leaves_the_entry():
    model = applied()
    before = model.state_dict()[KEY]
    with pytest.raises(ConversionError):
        apply(model, {"net.1": "tanh", "nowhere": "tanh"})
    assert torch.equal(model.state_dict()[KEY], before)


@pytest.mark.parametrize("cast", ["half", "bfloat16", "double"])
def test_casts_leave_it_readable(cast):
    model = getattr(applied(), cast)()
    applied().load_state_dict(model.state_dict())
    state = {name: getattr(tensor, cast)() for name, tensor in applied().state_dict().items()}
    applied().load_state_dict(state)


def test_safetensors_take_it(tmp_path):
    model = apply(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), {"1": "gelu"})
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    state = load_file(tmp_path / "model.safetensors")
    apply(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), {"1": "gelu"}).load_state_dict(state)
    with pytest.raises(RuntimeError, match=KEY):
        nn.Sequential(nn.Linear(3, 4), nn.ReLU()).load_state_dict(state)


def test_files_are_read_with_weights_only():
    file = io.BytesIO()
    torch.save(applied().state_dict(), file)
    file.seek(0)
    applied().load_state_dict(torch.load(file, weights_only=True))


@pytest.mark.parametrize("use_buffers", [False, True])
def test_torchs_averages_carry_it(use_buffers):
    model = applied()
    average: Any = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=use_buffers)
    for _ in range(50):
        average.update_parameters(model)
    assert {name for name in average.state_dict() if KEY in name} == {f"module.{name}" for name in NAMED}
    applied().load_state_dict(average.module.state_dict())
    again: Any = AveragedModel(applied())
    again.load_state_dict(average.state_dict())


def test_loops_over_a_state_dict_average_it():
    """As written in many training scripts: over values in place, or over a dictionary of their own."""
    model, average = applied(), copy.deepcopy(applied())
    shadow = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for _ in range(100):
            states = average.state_dict().values(), model.state_dict().values()
            for mean, now in zip(*states, strict=True):
                mean.copy_(0.99 * mean + 0.01 * now)
            for name, now in model.state_dict().items():
                shadow[name].mul_(0.99).add_(now, alpha=0.01)
    assert torch.equal(average.state_dict()[KEY], model.state_dict()[KEY])
    applied().load_state_dict(shadow)


def test_a_compiled_model_saves_the_names_of_the_one_inside():
    wrapped: Any = torch.compile(Net())
    compiled: list[Any] = [torch.compile(applied()), apply(wrapped, {"_orig_mod.net.1": "gelu"})]
    for model in compiled:
        assert {name for name in model.state_dict() if KEY in name} == {f"_orig_mod.{name}" for name in NAMED}
        assert KEY in model._orig_mod.state_dict()


def test_states_of_distributed_checkpoints_hold_it():
    model, fresh = applied(), applied()
    state = get_model_state_dict(model)
    assert KEY in state
    set_model_state_dict(fresh, state)
    assert torch.equal(fresh(X), model(X))
    whole, other = nn.Sequential(applied()), nn.Sequential(applied())
    assert f"0.{KEY}" in get_model_state_dict(whole)
    set_model_state_dict(other, get_model_state_dict(whole))
    with pytest.raises(RuntimeError, match=KEY):
        set_model_state_dict(Net(), state)


def test_the_state_on_meta_names_them_too():
    with torch.device("meta"):
        model = apply(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), {"1": "gelu"})
        assert not model.state_dict()[KEY].is_meta
    original = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    model.load_state_dict(apply(original, {"1": "gelu"}).state_dict(), assign=True)
    assert not model[0].weight.is_meta


def cut(model: nn.Module) -> nn.Module:
    return nn.Sequential(*list(model.children())[:-1])


@pytest.mark.parametrize(
    "part", [lambda model: model[:3], cut, lambda model: nn.ModuleDict({"inner": cut(model)})]
)
def test_slices_and_children_in_another_container_name_their_activations(part):
    def net() -> nn.Sequential:
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))

    model, fresh = part(apply(net(), {"1": "tanh", "3": "gelu"})), part(net())
    with pytest.raises(RuntimeError, match=rf'Unexpected key.*1\.{KEY}"'):
        part(net()).load_state_dict(model.state_dict())
    load_weights(fresh, model.state_dict())
    assert [type(each) for each in fresh.modules()] == [type(each) for each in model.modules()]
    again = part(apply(net(), {"1": "tanh", "3": "gelu"}))
    assert str(again.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


def test_activations_of_a_model_that_an_earlier_version_pickled_are_named():
    def net() -> nn.Sequential:
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))

    model = apply(net(), {"1": "tanh", "3": "elu(alpha=0.7)"})
    for each in model:
        vars(each).pop(KEY, None)  # only modules above activations carried an entry
    fresh = net()
    load_weights(fresh, model.state_dict())
    assert torch.equal(fresh(X), model(X))
    model[3] = nn.ELU()  # by hand
    assert list(load_weights(net(), model.state_dict()).activations) == ["1"]


def test_an_activation_that_was_replaced_by_hand_is_not_named():
    def net() -> nn.Sequential:
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())

    model = apply(net(), {"1": "tanh", "3": "gelu"})
    model[3] = nn.ReLU()
    fresh = net()
    load_weights(fresh, model.state_dict())
    assert repr(fresh) == repr(model)
    load_weights(fresh := net(), apply(model, {"1": "silu"}).state_dict())
    assert repr(fresh) == repr(model)


def test_activations_that_moved_are_named_where_they_are():
    def net() -> nn.Sequential:
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())

    model, fresh = apply(net(), {"1": "tanh"}), net()
    for each in (model, fresh):
        each.insert(0, nn.Identity())
    load_weights(fresh, model.state_dict())
    assert type(fresh[2]) is nn.Tanh
    assert torch.equal(fresh(X), model(X))


def test_weights_put_an_activation_in_place_of_one_only():
    state = apply(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), {"1": "tanh"}).state_dict()
    with pytest.raises(ConversionError, match="no activation at '1'"):
        load_weights(nn.Sequential(nn.Linear(3, 4), nn.Dropout()), state)
