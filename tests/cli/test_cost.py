"""`autoact cost`, in process."""

import json

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autoact import Assignment
from autoact.cli import main
from autoact.cli._named_model import _kept
from autoact.latency import _call_times

MODELS = """
import lightning as L
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.act, self.out = nn.Embedding(10, 4), nn.ReLU(), nn.Linear(4, 2)

    def forward(self, tokens, scale):
        return self.out(self.act(self.embed(tokens) * scale))

class Example(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
        self.example_input_array = torch.ones(5, 3)

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)

class ByItsStep(Example):
    forward = L.LightningModule.forward

    def training_step(self, batch, batch_idx):
        loss = nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

class NoExample(Example):
    def __init__(self):
        super().__init__()
        self.example_input_array = None

class Data(L.LightningDataModule):
    def train_dataloader(self):
        x = torch.randn(32, 3)
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x[:, :1]), batch_size=16)

    val_dataloader = test_dataloader = train_dataloader

def broken():
    raise KeyError("weights")

def number():
    return 3
"""
FAST = ["--seconds", "0.1", "--threads", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "cost_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    import sys

    sys.modules.pop("cost_models", None)


def test_a_task_with_an_assignment(capsys, folder):
    Assignment({"net.1": "tanh"}).save(folder / "mine.yaml")
    assert main(["cost", "digits", "--assignment", "mine.yaml", *FAST]) == 0
    text = capsys.readouterr().out
    assert text.startswith("digits on cpu, 1 thread\n")
    assert "360x64 float32, 3 calls per forward pass" in text
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert set(lines) >= {"relu", "gelu", "softplus", "mixture", "original", "mine.yaml"}
    assert lines["relu"][3:] == ["90.0", "KiB*", "4.0", "B"]
    assert float(lines["mine.yaml"][1]) > 0


class Operators(TorchDispatchMode):
    """A clock that goes on by a millisecond with each operator, and a little whenever it is looked at."""

    now = 0.0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.now += 1e-3
        return function(*args, **(kwargs or {}))

    def perf_counter(self):
        self.now += 1e-6
        return self.now


@pytest.fixture
def operators(monkeypatch):
    with Operators() as clock:
        monkeypatch.setattr(_call_times, "time", clock)
        yield clock


def test_a_named_model_with_inputs_of_two_kinds(capsys, operators):
    arguments = ["--input", "8x6:int64", "--input", "4", "--space", "vision", "--json"]
    assert main(["cost", "cost_models.Net", *arguments, *FAST]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {tuple(cost["shape"]) for cost in found["activations"]} == {(8, 6, 4)}
    relu = next(cost for cost in found["activations"] if cost["name"] == "relu")
    assert relu["kept"] == {"total": 768, "output": 768}
    assert 0 < relu["forward"] < relu["training"]
    assert [model["name"] for model in found["models"]] == ["original"]
    assert (found["schema"], found["device"]) == (1, "cpu, 1 thread")


def test_the_models_own_example_is_used(capsys):
    before = torch.get_num_threads()
    assert main(["cost", "cost_models:Example", *FAST]) == 0
    assert "5x4 float32, 1 call" in capsys.readouterr().out
    assert torch.get_num_threads() == before


CONFIGURATION = """\
model: {class_path: cost_models.NoExample}
data: {class_path: cost_models.Data}
trainer: {max_epochs: 1}
space: [relu, tanh]
"""


@pytest.mark.slow
def test_a_configuration_and_its_run(capsys, folder):
    """Inputs are a validation batch; the run's choice is measured beside the original."""
    (folder / "config.yaml").write_text(CONFIGURATION)
    assert main(["cost", "config.yaml", *FAST]) == 0
    text = capsys.readouterr().out
    assert "16x4 float32, 1 call" in text
    assert "silu" not in text
    search = ["search", "--config", "config.yaml", "--budget", "2", "--seeds", "2", "--out", "run", "--quiet"]
    assert main(search) == 0
    capsys.readouterr()
    assert main(["cost", "run", "--json", *FAST]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in found["models"]] == ["original", "chosen"]
    assert {cost["name"] for cost in found["activations"]} == {"relu", "tanh", "mixture"}


def test_a_run_lists_a_model_once_that_is_chosen_and_on_the_front(tmp_path):
    (tmp_path / "front").mkdir()
    for file, name in {"assignment": "tanh", "front/1": "relu", "front/2": "tanh"}.items():
        Assignment({"net.1": name}).save(tmp_path / f"{file}.yaml")
    assert {name: str(found) for name, found in _kept(tmp_path).items()} == {
        "chosen": "net.1=tanh",
        "front 1": "net.1=relu",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cost_models.Net"], "give --input SHAPE, such as 8x3x32x32"),
        (["cost_models.Net", "--input", "8 x 6"], "--input '8 x 6' is no shape"),
        (["cost_models.Net", "--input", "8x6:real"], "--input '8x6:real' is no shape"),
        (["cost_models.Net", "--input", "8x6"], "Net cannot be called on ((8, 6) torch.float32)"),
        (["cost_models.Nets"], "MODEL is 'cost_models.Nets', which cannot be imported"),
        (["no_such_module.Net"], "No module named 'no_such_module'"),
        (["cost_models.broken"], "MODEL cannot be made: KeyError: 'weights'"),
        (["cost_models.number"], "MODEL makes a int, not a torch.nn.Module"),
        (["digit"], "MODEL is 'digit', but no such task exists"),
        (["missing.yaml"], "missing.yaml"),
        (["digits", "--device", "warp"], "--device warp cannot be used"),
        (["digits", "--seconds", "0"], "--seconds 0 must be above 0"),
        (["digits", "--threads", "-1"], "--threads -1 must be above 0"),
        (["digits", "--space", "visoin"], "vision"),
        (["digits", "--assignment", "none.yaml"], "none.yaml"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, message):
    assert main(["cost", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.slow
def test_a_module_without_forward_is_measured_by_its_step(capsys, folder):
    config = "model: {class_path: cost_models.ByItsStep}\ndata: {class_path: cost_models.Data}\n"
    config += "trainer: {max_epochs: 1}\n"
    (folder / "config.yaml").write_text(config)
    Assignment({"net.1": "tanh"}).save(folder / "mine.yaml")
    assert main(["cost", "config.yaml", "--assignment", "mine.yaml", "--json", *FAST]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in found["activations"]} >= {"relu", "tanh"}
    assert [row["name"] for row in found["models"]] == ["original", "mine.yaml"]


@pytest.mark.parametrize("more", [[], ["--input", "4x3"]])
def test_a_module_without_forward_and_data_is_refused(capsys, more):
    assert main(["cost", "cost_models.ByItsStep", *more, *FAST]) == 2
    error = capsys.readouterr().err
    assert "ByItsStep, which has no forward" in error
    assert error.rstrip().endswith("or write a forward.")
