import copy
import io
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from autoact.nn import AutoActivation

NAMES = ["relu", "elu", "silu", "hill", "prelu", "tanh"]
ORDER = ["tanh", "prelu", "relu", "hill", "silu", "elu"]
KINDS: list[dict[str, Any]] = [{}, {"granularity": "channel", "channels": 3, "standardize": True}]


def trained(names: list[str] = NAMES, **arguments: Any) -> AutoActivation:
    torch.manual_seed(0)
    layer = AutoActivation(names, start="elu", **arguments)
    layer.release.fill_(0.6)
    with torch.no_grad():
        layer.logits.add_(torch.randn_like(layer.logits))
        layer.raw.add_(torch.randn_like(layer.raw))
    return layer


def saved(module: nn.Module) -> dict[str, Any]:
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("arguments", KINDS)
@pytest.mark.parametrize("assign", [False, True])
def test_another_order_is_put_right(arguments, assign):
    source, target = trained(**arguments), AutoActivation(ORDER, **arguments)
    state = saved(source)
    before = copy.deepcopy(state)
    target.load_state_dict(state, assign=assign)
    x = torch.randn(64, 3)
    assert torch.allclose(target(x), source(x), atol=1e-6)
    assert target.choice().activation == source.choice().activation
    assert target.candidates == tuple(ORDER)
    for name, value in source.values().items():
        assert torch.allclose(target.values()[name], value), name
    assert all(torch.equal(value, before[name]) for name, value in state.items())
    back = AutoActivation(NAMES, **arguments)
    back.load_state_dict(target.state_dict())
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in back.state_dict().items())


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("names", [["relu", "tanh", "gelu"], ["relu", "tanh"]])
def test_other_candidates_are_refused_by_name(names, strict):
    source, target = (
        nn.Sequential(AutoActivation(["relu", "tanh", "silu"])),
        nn.Sequential(AutoActivation(names)),
    )
    with pytest.raises(RuntimeError, match=f"0 chooses among {', '.join(names)}, but .* relu, tanh, silu"):
        target.load_state_dict(source.state_dict(), strict=strict)


def test_a_state_without_names_still_loads():
    source, target = trained(), AutoActivation(NAMES)
    state = {name: value for name, value in source.state_dict().items() if name != "_extra_state"}
    target.load_state_dict(state)
    assert torch.equal(target.logits, source.logits)


def test_missing_and_left_over_tensors_are_still_told():
    state = trained().state_dict()
    del state["logits"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "logits"'):
        AutoActivation(ORDER).load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*more"):
        AutoActivation(NAMES).load_state_dict(trained().state_dict() | {"more": torch.ones(1)})


def test_averages_keep_the_names():
    model = nn.Sequential(trained())
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
    for _ in range(5):
        average.update_parameters(model)
    of_states = {name: (value + 2 * value) / 3 for name, value in model.state_dict().items()}
    for state in (saved(average.module), of_states):
        target = nn.Sequential(AutoActivation(ORDER))
        target.load_state_dict(state)
        assert torch.allclose(target(torch.ones(3)), model(torch.ones(3)), atol=1e-5)


def test_the_names_are_no_buffer_and_stay_on_the_cpu():
    layer = copy.deepcopy(trained()).to("meta")
    assert not {name for name, _ in layer.named_buffers()} & {"_extra_state"}
    assert layer.state_dict()["_extra_state"].device.type == "cpu"
    with torch.device("meta"):
        assert not AutoActivation(NAMES).get_extra_state().is_meta
