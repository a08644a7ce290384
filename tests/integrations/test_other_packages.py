"""What other packages offer for activations takes ours, and their tools read what a run leaves."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import torch
from torch import nn

import autoact
from autoact import AutoActivation, FixedActivation, run_search
from autoact.cli import main

X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "convnext_atto", "mobilenetv2_050"])
def test_act_layer_of_timm_takes_ours_in_every_place(name: str) -> None:
    timm = pytest.importorskip("timm")
    plain = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish)
    for make in (lambda: FixedActivation("softplus"), lambda: AutoActivation(["relu", "silu"])):
        model = timm.create_model(name, num_classes=2, act_layer=lambda inplace=False, make=make: make())
        kinds = [type(part) for part in model.modules()]
        count = sum(kind in (FixedActivation, AutoActivation) for kind in kinds)
        assert count == len(autoact.find_layers(timm.create_model(name), "default").layers)
        assert not any(issubclass(kind, plain) for kind in kinds)
        assert model(X).shape == (2, 2)


def test_a_layer_of_pytorch_geometric_takes_ours() -> None:
    geometric = pytest.importorskip("torch_geometric.nn")
    x, edges = torch.randn(6, 4), torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    for kind in (geometric.GCN, geometric.GAT, geometric.GIN, geometric.GraphSAGE):
        model = kind(4, 8, 2, 3, act=FixedActivation("mish"))
        assert isinstance(model.act, FixedActivation)
        assert model(x, edges).shape == (6, 3)


@pytest.mark.slow
def test_the_dashboard_of_optuna_opens_the_study_of_a_run(tmp_path: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    scores = {"relu": 1.0, "tanh": 2.0}
    run_search(
        objective=lambda assignment, seed, fraction: sum(scores[c.activation] for c in assignment.values()),
        layers=["a", "b"], space=["relu", "tanh"], mode="min", budget=3, seeds=2, out=tmp_path / "run",
        quiet=True,
    )  # fmt: skip
    app = dashboard.wsgi(f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    (study,) = answer(app, "/api/studies")["study_summaries"]
    assert study["directions"] == ["minimize"]
    trials = answer(app, f"/api/studies/{study['study_id']}")["trials"]
    assert len(trials) >= 3
    assert {p["name"] for trial in trials for p in trial["params"]} == {"a", "b"}


def answer(app: Any, path: str) -> Any:
    environment: dict[str, Any] = {"PATH_INFO": path, "wsgi.input": io.BytesIO()}
    setup_testing_defaults(environment)
    said: list[str] = []
    body = b"".join(app(environment, lambda status, headers, error=None: said.append(status)))
    assert said == ["200 OK"], body
    return json.loads(body)


CLI_MODULE = """
import lightning as L, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

class Net(L.LightningModule):
    def __init__(self, width: int = 8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1))
    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])
    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.training_step(batch, batch_idx))
    test_step = validation_step
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)

class Rows(L.LightningDataModule):
    def train_dataloader(self):
        x = torch.linspace(-1, 1, 64).view(32, 2)
        return DataLoader(TensorDataset(x, x[:, :1].abs()), 8)
    val_dataloader = test_dataloader = train_dataloader
"""
CLI_PROGRAM = """
import torch
from lightning.pytorch.cli import LightningCLI
cli = LightningCLI()
search = [c for c in cli.trainer.callbacks if type(c).__name__ == "ActivationSearch"][0]
print("ASSIGNMENT", search.assignment)
"""
CLI_CONFIG = """
model: {class_path: cli_net.Net}
data: {class_path: cli_net.Rows}
trainer:
  max_epochs: 2
  accelerator: cpu
  logger: false
  enable_checkpointing: false
  callbacks:
    - {class_path: autoact.ActivationSearch, init_args: {space: [relu, tanh], lr: 0.02}}
"""


@pytest.mark.slow
def test_lightning_cli_makes_the_callback_and_the_search_reads_its_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"cli_net.py": CLI_MODULE, "main.py": CLI_PROGRAM, "fit.yaml": CLI_CONFIG}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "main.py", "fit", "--config", "fit.yaml"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "ASSIGNMENT net.1=" in done.stdout

    search = "space: [relu, tanh]\nsearch: {budget: 2, seeds: 2, selection_seeds: 1}\n"
    plain = CLI_CONFIG[: CLI_CONFIG.index("  callbacks")]
    (tmp_path / "search.yaml").write_text(plain + search)
    assert main(["search", "--config", str(tmp_path / "search.yaml"), "--out", str(tmp_path / "run")]) == 0
    assert "net.1" in capsys.readouterr().out


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(autoact.__file__).parents[1])}


@pytest.mark.slow
@pytest.mark.parametrize("space", [["relu", "swish", "hill"], ["tanh", "prelu"]])
def test_searched_and_finalized_models_are_one_graph(space: list[str]) -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 6)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    applied = autoact.apply(autoact.convert(model, space), {"1": space[1], "3": space[0]})
    for made in (
        autoact.convert(nn.Sequential(nn.Linear(6, 8), nn.ReLU()), space),
        applied,
        autoact.finalize(applied),
    ):
        torch._dynamo.reset()
        found = torch._dynamo.explain(made)(x)
        assert found.graph_break_count == 0, found.break_reasons
        assert found.graph_count == 1
        compiled = torch.compile(made.eval(), backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(compiled(x), made(x))
