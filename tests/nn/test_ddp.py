"""Plain DDP with two gloo processes gives the gradients of one process on the whole batch."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from autoact.nn import AutoActivation

SCRIPT = """
import sys
import torch
import torch.distributed as dist
from torch import nn
from autoact.nn import AutoActivation

torch.set_num_threads(1)
rank, folder, relaxation, start = int(sys.argv[1]), *sys.argv[2:]
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), AutoActivation(start=start, relaxation=relaxation), nn.Linear(4, 1))
model = nn.parallel.DistributedDataParallel(model)
x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1)).chunk(2)[rank]
for _ in range(2):  # a second pass fails if any parameter got no gradient in the first
    model.zero_grad()
    model(x).square().mean().backward()
gradients = {name: p.grad for name, p in model.module.named_parameters() if p.requires_grad}
torch.save(gradients, f"{folder}/{rank}.pt")
dist.barrier()
del model  # it holds the group, and a thread of gloo that outlives the interpreter aborts it
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("relaxation", "start"),
    [("softmax", "relu"), pytest.param("straight_through", "uniform", marks=pytest.mark.long)],
)
def test_two_processes_agree_with_one(tmp_path, relaxation, start):
    command = [sys.executable, "-c", SCRIPT]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path), relaxation, start], stderr=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 4), AutoActivation(start=start, relaxation=relaxation), nn.Linear(4, 1)
    )
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    model(x).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert torch.equal(first[name], second[name])
        assert parameter.grad is not None
        assert torch.allclose(first[name], parameter.grad, atol=1e-6)
