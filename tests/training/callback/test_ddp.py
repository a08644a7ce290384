"""Two gloo processes must learn what one learns from the same batches."""

import json
import os
import runpy
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, sys, warnings
import lightning as L, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from autoact import auto_layers
from autoact.training import ActivationSearch

torch.set_num_threads(1)
warnings.filterwarnings("ignore", module="lightning|torch")
out, devices = sys.argv[1], int(sys.argv[2])


class Model(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2, weight_decay=1e-2)


torch.manual_seed(0)
x = torch.randn(96, 3, dtype=torch.float64)
mine = x[int(os.environ.get("LOCAL_RANK", 0)) :: devices]  # batch by batch, both ranks see what one would
data = DataLoader(TensorDataset(mine, torch.sin(mine[:, :1])), batch_size=16 // devices)
model, callback = Model().double(), ActivationSearch(["relu", "tanh", "elu"])
trainer = L.Trainer(
    accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto", max_epochs=2, logger=False,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, precision="64-true",
    accumulate_grad_batches=2, callbacks=[callback], use_distributed_sampler=False,
)
trainer.fit(model, data)
logits = {path: layer.logits.tolist() for path, layer in auto_layers(model).items()}
result = {"logits": logits, "assignment": callback.assignment.to_dict(), "steps": trainer.global_step}
with open(f"{out}/{trainer.global_rank}.json", "w") as file:
    json.dump(result, file)
if devices > 1:  # Lightning ends NCCL groups only; a thread of gloo that outlives the interpreter aborts it
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ddp")
    (folder / "program.py").write_text(PROGRAM)
    return folder / "program.py"


@pytest.fixture(scope="module")
def ranks(program):
    """Results of the two ranks."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PL_", "MASTER_", "LOCAL_"))}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), environment.get("PYTHONPATH")]))
    command = [sys.executable, str(program), str(program.parent), "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((program.parent / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
def test_both_ranks_end_alike(ranks):
    assert ranks[0] == ranks[1]
    assert ranks[0]["steps"] == 6


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(ranks, program, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program.py", str(tmp_path), "1"])
    runpy.run_path(str(program))
    single = json.loads((tmp_path / "0.json").read_text())
    for path, logits in single["logits"].items():
        assert ranks[0]["logits"][path] == pytest.approx(logits, abs=1e-9)
        assert max(map(abs, logits)) > 1e-3
