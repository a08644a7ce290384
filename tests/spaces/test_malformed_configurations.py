"""Whatever is wrong in a run configuration: exit status 2, and one line with file, line, key and remedy."""

import sys
from pathlib import Path

import pytest

from autoact.cli import main

MODULE = """
import lightning as L
import torch
from torch import nn


class Model(L.LightningModule):
    def __init__(self, width: int, lr: float = 1e-3):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, 1))

    def training_step(self, batch, index):
        raise AssertionError("nothing may be trained")


class Data(L.LightningDataModule):
    def train_dataloader(self):
        raise AssertionError("nothing may be read")

    def val_dataloader(self):
        raise AssertionError("nothing may be read")
"""

GOOD = """\
model:
  class_path: malformed_user.Model
  init_args:
    width: 8
data:
  class_path: malformed_user.Data
trainer:
  max_epochs: 3
space:
  candidates: [relu, tanh]
search:
  monitor: val_loss
  budget: 4
"""

# (old text, new text, line, key, what else the message says)
MALFORMED = {
    "key": (
        "trainer:",
        "trianer:",
        7,
        "trianer",
        ["allowed: model, data, trainer", "Did you mean 'trainer'?"],
    ),
    "no trainer": ("trainer:\n  max_epochs: 3\n", "", 1, "", ["'trainer' is missing; give arguments of"]),
    "no model": (
        GOOD[: GOOD.index("data:")],
        "",
        1,
        "",
        ["'model' is missing; give class_path and init_args"],
    ),
    "empty model": (GOOD[: GOOD.index("data:")], "model:\n", 1, "", ["'model' is missing"]),
    "twice": ("space:", "data:", 9, "", ["data is given twice (first on line 5)"]),
    "not YAML": ("[relu, tanh]", "[relu, tanh", 11, "", ["not valid YAML"]),
    "a list": (GOOD, "- model\n", 1, "", ["expected the keys model, data and trainer"]),
    "no such class": ("_user.Model", "_user.Modle", 2, "model.class_path", ["Did you mean 'Model'?"]),
    "no such module": ("malformed_user.M", "malformed_usr.M", 2, "model.class_path", ["cannot import"]),
    "no module": (
        "malformed_user.M",
        "M",
        2,
        "model.class_path",
        ["is 'Model'; it must be 'module.Class'"],
    ),
    "wrong class": (
        "_user.Model",
        "_user.Data",
        2,
        "model.class_path",
        ["not a LightningModule; give a class"],
    ),
    "model as data": ("_user.Data", "_user.Model", 6, "data.class_path", ["not a LightningDataModule"]),
    "class key": ("  init_args", "  init_arg", 3, "model.init_arg", ["Did you mean 'init_args'?"]),
    "argument": ("width: 8", "widht: 8", 4, "model.init_args.widht", ["Did you mean 'width'?"]),
    "type": ("width: 8", "width: wide", 4, "model.init_args.width", ["got 'wide'", "Expected a int"]),
    "no argument": ("    width: 8", "    lr: 1e-3", 3, "model.init_args", ["required: width"]),
    "trainer key": ("max_epochs", "max_epoch", 8, "trainer.max_epoch", ["Did you mean 'max_epochs'?"]),
    "trainer type": ("epochs: 3", "epochs: few", 8, "trainer.max_epochs", ["got 'few'", "Expected a int"]),
    "no length": ("max_epochs: 3", "accelerator: cpu", 7, "trainer", ["how long a training is"]),
    "trainer as word": ("\n  max_epochs: 3", " short", 7, "trainer", ["at least max_epochs; got 'short'"]),
    "space key": ("candidates", "candidate", 10, "space.candidate", ["Did you mean 'candidates'?"]),
    "space member": ("tanh", "tahn", 10, "space.candidates[1]", ["Did you mean 'tanh'?"]),
    "space list": ("\n  candidates: [relu, tanh]", " [relu, 3]", 9, "space[1]", ["No activation named 3"]),
    "space name": ("\n  candidates: [relu, tanh]", " physix", 9, "space", ["Did you mean 'physics'?"]),
    "space number": ("\n  candidates: [relu, tanh]", " 3", 9, "space", ["a name, a path, a list", "got 3"]),
    "space file": (
        "\n  candidates: [relu, tanh]",
        " a/b.yaml",
        9,
        "space",
        ["No search space file 'a/b.yaml'"],
    ),
    "search key": ("budget", "buget", 13, "search.buget", ["Did you mean 'budget'?"]),
    "no budget": (
        "budget: 4",
        "budget: 0",
        13,
        "search.budget",
        ["is 0; it must be an integer of at least 1"],
    ),
    "part budget": (
        "budget: 4",
        "budget: 2.5",
        13,
        "search.budget",
        ["budget is 2.5; it must be an integer"],
    ),
    "one seed": ("budget: 4", "seeds: 1", 13, "search.seeds", ["at least 2"]),
    "no mode": ("val_loss", "val_f1", 12, "search.monitor", ["mode is not given and cannot be inferred"]),
    "mode": ("budget: 4", "mode: least", 13, "search.mode", ["'least'; it must be 'min' or 'max'"]),
    "monitor": ("val_loss", "[a]", 12, "search.monitor", ["['a']"]),
    "foreign": ("trainer:", "optimizer: {lr: 1}\ntrainer:", 7, "optimizer.lr", ["unknown key 'lr'; allowed"]),
    "checkpoint": (
        "trainer:",
        "ckpt_path: a.ckpt\ntrainer:",
        7,
        "ckpt_path",
        ["starts from scratch", "Remove"],
    ),
    "rule": (
        "candidates: [relu, tanh]",
        "candidates: [relu, tanh]\n  layers:\n    - match: 'nte.*'\n      keep: true",
        12,
        "space.layers[0]",
        ["'nte.*' matches no activation of this model; there are: net.1", "Did you mean 'net.1'?"],
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "malformed_user.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "malformed_user", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_configuration_is_refused(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, line, key, said = MALFORMED[name]
    assert GOOD.count(old) == 1
    (folder / "run.yaml").write_text(GOOD.replace(old, new))
    assert main(["search", "--config", "run.yaml", "--out", "run", "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    place = f"autoact: run.yaml, line {line}{f', {key}' if key else ''}: "
    assert captured.err.startswith(place), captured.err
    assert [part for part in said if part not in captured.err.removeprefix(place)] == [], captured.err
    assert not (folder / "run").exists()


def test_a_mistake_in_a_space_file_is_located_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text("candidates:\n  - relu\n  - tahn\n")
    (folder / "run.yaml").write_text(GOOD.replace("\n  candidates: [relu, tanh]", " mine.yaml"))
    assert main(["search", "--config", "run.yaml", "--out", "run", "--quiet"]) == 2
    assert "mine.yaml, line 3, candidates[1]: No activation named 'tahn'" in capsys.readouterr().err


def test_the_configuration_around_the_mistakes_is_right(folder: Path) -> None:
    from autoact.training.configuration import load_configuration

    (folder / "run.yaml").write_text(GOOD)
    assert load_configuration("run.yaml").space.candidates == ("relu", "tanh")
