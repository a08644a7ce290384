"""FSDP2 (fully_shard) with two gloo processes: plain models train as on one; mixtures say what to do."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from autoact import Assignment, Choice, apply, convert, finalize
from autoact.conversion import KEY

SCRIPT = """
import json, os, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
import autoact
from autoact.errors import ConversionError
from tests.conversion import test_sharding as shared

torch.set_num_threads(1)
rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
mesh = init_device_mesh("cpu", (2,))
states, messages = {}, {}
for name, make in shared.PLAIN.items():
    model = make()
    for part in (model[0], model[2]):  # two units and the rest, as users shard blocks
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    shared.train(model, shared.data().chunk(2)[rank])
    states[name] = {key: shared.whole(value) for key, value in model.state_dict().items()}
mixture = autoact.convert(shared.net(), ["relu", "elu"])
fully_shard(mixture, mesh=mesh)
shared.train(mixture, shared.data().chunk(2)[rank])
late = fully_shard(shared.net(), mesh=mesh)
plain = fully_shard(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)), mesh=mesh)
calls = {
    "derive": (autoact.derive, mixture),
    "convert": (autoact.convert, late),
    "convert plain": (autoact.convert, plain),
}
for name, (function, argument) in calls.items():
    try:
        function(argument)
    except ConversionError as error:
        messages[name] = str(error)
mixture.unshard()
messages["after unshard"] = str(autoact.derive(mixture))
torch.save(states, f"{folder}/{rank}.pt")
with open(f"{folder}/{rank}.json", "w") as file:
    json.dump(messages, file)
dist.barrier()
# DTensor's caches hold the group: destroying it would leave its threads, and one that frees a tensor while
# the interpreter is taken down aborts the process. All is written: end without taking the interpreter down.
os._exit(0)
"""


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.PReLU(8), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))


def fixed() -> nn.Sequential:
    """Return a model of an activation that torch lacks and of one that is learned."""
    choices = {"1": Choice("swish", {"beta": 2.0}), "3": Choice("prelu", {"slope": 0.1})}
    return apply(net(), Assignment(choices))


def finalized() -> nn.Sequential:
    """Return a finalized model, one slope per channel."""
    return finalize(convert(net(), ["relu", "elu"]))


PLAIN = {"fixed": fixed, "finalized": finalized}


def data() -> torch.Tensor:
    return torch.randn(16, 3, generator=torch.Generator().manual_seed(1))


def train(model: nn.Module, x: torch.Tensor) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        model(x).sin().mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()


def whole(value: torch.Tensor) -> torch.Tensor:
    return value.full_tensor() if hasattr(value, "full_tensor") else value


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """Return states of the plain models and messages about the others, from both processes."""
    folder = tmp_path_factory.mktemp("sharded")
    command = [sys.executable, "-c", SCRIPT]
    ranks = [
        subprocess.Popen([*command, str(rank), str(folder)], stderr=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    states = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    return states, [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_two_processes_train_what_one_does(sharded, name):
    model = PLAIN[name]()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    train(model, data())
    for states in sharded[0]:
        assert set(states[name]) == set(before)
        for key, value in model.state_dict().items():
            assert torch.allclose(states[name][key], value, atol=1e-5), key
            assert torch.equal(value, before[key]) == (key == KEY), key  # the names of activations stay


@pytest.mark.slow
def test_a_sharded_mixture_says_why_it_has_no_choice(sharded):
    for messages in sharded[1]:
        assert "logits of an AutoActivation are sharded" in messages["derive"]
        assert "model.unshard()" in messages["derive"]
        assert messages["after unshard"].startswith("1=prelu(slope=0.")


@pytest.mark.slow
def test_a_sharded_model_is_not_converted(sharded):
    for messages in sharded[1]:
        for name in ("convert", "convert plain"):
            assert "sharded over processes already" in messages[name]
            assert "Convert or apply first, then shard" in messages[name]
