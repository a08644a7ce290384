import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact import run_search
from autoact.cli import main
from autoact.cli._export_command import _by_name
from autoact.records import RunDirectory
from tests.search.models import SMALLEST, Curve, CurveData


def test_a_task_is_exported_with_an_assignment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("layers: {net.1: mish, net.3: relu, net.5: squareplus}")
    assert main(["export", "digits", "--assignment", "mine.yaml"]) == 0
    assert capsys.readouterr().out.startswith("exported: read back, it differs by ")
    text = Path("exported", "activations.py").read_text()
    assert "nn.Mish()" in text
    assert "Elementwise(squareplus)" in text
    assert set(torch.load("exported/weights.pt")) >= {"net.0.weight", "net.6.bias"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["digits", "--format", "tflite"], "format 'tflite' is none of module, torch-export, onnx"),
        (["digits", "--format", "onnx", "--out", "model"], "model does not end in .onnx"),
        (["digits", "--weights", "none.pt"], "none.pt"),
        (["."], "has no config.yaml"),
    ],
)
def test_bad_input_is_one_line(
    given: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *given]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1 or "No weights are given" in told
    assert list(tmp_path.iterdir()) == []


MODELS = """
import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader

class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))

    def forward(self, x):
        return self.net(x)

class Whole(Net):
    def forward(self, batch):
        return self.net(batch["x"])

class Broken(Net):
    def forward(self, x):
        raise KeyError("a\\nname")

class Data(L.LightningDataModule):
    def loader(self):
        return DataLoader(list(torch.ones(4, 3)), 2)

    train_dataloader = loader

    def val_dataloader(self):
        return [self.loader(), self.loader()]

class Named(Data):
    def loader(self):
        return DataLoader([{"x": x, "name": "row"} for x in torch.ones(4, 3)], 2)
"""


@pytest.fixture
def configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[None]:
    model, data = request.param
    (tmp_path / "export_models.py").write_text(MODELS)
    (tmp_path / "c.yaml").write_text(
        f"model: {{class_path: export_models.{model}}}\ndata: {{class_path: export_models.{data}}}\n"
        "trainer: {max_epochs: 1}\nspace: [relu, tanh]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("export_models", None)


@pytest.mark.parametrize("configuration", [("Net", "Data"), ("Whole", "Named")], indirect=True)
def test_several_validation_loaders_and_batches_with_names_give_an_example(
    configuration: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "c.yaml"]) == 0
    assert main(["cost", "c.yaml", "--seconds", "0.1"]) == 0
    assert "2x4 float32" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["module", "torch-export"])
@pytest.mark.parametrize("configuration", [("Broken", "Data")], indirect=True)
def test_what_forward_raises_is_one_line(
    configuration: None, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "c.yaml", "--format", form, "--out", "m.pt2"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("autoact: Broken cannot be called on (2, 3): KeyError: ")
    assert "Traceback" not in "".join(told)
    assert main(["cost", "c.yaml", "--seconds", "0.1"]) == 2
    assert capsys.readouterr().err.startswith(
        "autoact: Broken cannot be called on (2, 3) torch.float32: KeyError"
    )


@pytest.fixture(scope="module")
def of_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose model only Python makes."""
    out = tmp_path_factory.mktemp("of python") / "run"
    run_search(Curve, CurveData, out=out, **SMALLEST)
    return out


def refused(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    assert main([*given]) == 2
    return capsys.readouterr().err


@pytest.mark.slow
def test_what_is_told_of_a_run_from_python_can_be_followed(
    of_python: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = "tests.search.models:Curve"
    told = refused(capsys, "export", str(of_python), "--chosen")
    command = shlex.split(
        told.partition(": autoact ")[2].replace("my_model:NET", model).replace("SHAPE", "4x2")
    )
    assert command[:4] == ["export", model, "--input", "4x2"]
    assert main(command) == 0
    assert "differs by" in capsys.readouterr().out
    written = torch.load("exported/weights.pt")
    kept: dict[str, Any] = torch.load(RunDirectory(of_python).checkpoint_file, weights_only=False)
    assert written.keys() == kept["state_dict"].keys()
    assert all(torch.equal(written[name], kept["state_dict"][name]) for name in written)

    told = refused(capsys, "cost", str(of_python))
    command = shlex.split(
        told.partition(": autoact ")[2].replace("my_model:NET", model).replace("SHAPE", "4x2")
    )
    assert main([*command, "--seconds", "0.1"]) == 0
    told = refused(capsys, "invent", str(of_python), "--name", "exported_mine")
    assert "autoact.invention.invent(model, data, name=..., monitor=..., trainer=...)" in told


def test_the_weights_that_are_told_are_those_of_what_was_asked(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "a run")
    begin = "autoact export my_model:NET --input SHAPE"
    chosen = f"--assignment '{run.assignment_file}' --weights '{run.checkpoint_file}'"
    assert _by_name(run.path, [], run.checkpoint_file) == f"{begin} {chosen}"
    original = run.original_checkpoint_file
    assert _by_name(run.path, [], original) == f"{begin} --weights '{original}'"
    assert _by_name(run.path, ["my.yaml"], "w.pt") == f"{begin} --assignment my.yaml --weights w.pt"
