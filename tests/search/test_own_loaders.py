"""A model with loaders of its own is searched without data: in Python, by config.yaml, in stacks."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from autoact import run_search
from autoact.cli import main
from tests.training.data.test_own_loaders import Own

SETTINGS: dict[str, Any] = {
    "space": ["relu", "tanh"],
    "trainer": {"max_epochs": 1, "accelerator": "cpu"},
    "budget": 2,
    "seeds": 2,
    "quiet": True,
}
CONFIG = """\
model: {class_path: tests.training.data.test_own_loaders.Own}
trainer: {max_epochs: 1, accelerator: cpu}
space: [relu, tanh]
"""
WITHOUT = CONFIG.replace("loaders.Own", "loaders.Net")


def file(folder: Path, content: str) -> str:
    path = folder / "config.yaml"
    path.write_text(content)
    return str(path)


def test_a_configuration_needs_no_data(tmp_path, capsys):
    assert main(["search", "--config", file(tmp_path, CONFIG), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compared_on"] == "half of the validation data"


def test_a_configuration_without_any_loader_is_refused(tmp_path, capsys):
    assert main(["search", "--config", file(tmp_path, WITHOUT), "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert "the key 'data' is missing; give class_path and init_args of a LightningDataModule" in said
    assert "Net has no train_dataloader of its own" in said


def test_a_cost_is_measured_on_own_batches(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Own, "forward", lambda self, x: self.net(x), raising=False)
    options = ["--seconds", "0.1", "--json", "--space", "tabular"]
    for model in (file(tmp_path, CONFIG), "tests.training.data.test_own_loaders.Own"):
        assert main(["cost", model, *options]) == 0
        assert json.loads(capsys.readouterr().out)["models"]


@pytest.mark.slow
def test_searches_agree_with_stacks_and_are_resumed(tmp_path):
    kinds: dict[str, dict[str, Any]] = {"alone": {"stack": "off"}, "stacks": {"stack": 4}}
    found = {}
    for name, more in kinds.items():
        out = tmp_path / name
        result = run_search(Own, out=out, **SETTINGS, **more)
        found[name] = {(each.phase, each.label, each.seed): each.selection for each in result.trainings}
    assert found["stacks"] == pytest.approx(found["alone"], rel=1e-4)
    longer = {**SETTINGS, "seeds": 3}
    torch.randn(3)  # what is drawn meanwhile does not change the problem
    extended = run_search(Own, out=tmp_path / "alone", resume=True, stack="off", **longer)
    assert len(extended.trainings) > len(found["alone"])


def test_a_task_of_a_comparison_needs_no_data(tmp_path):
    from argparse import Namespace

    from autoact.cli.comparing._asked_tasks import asked_tasks

    given = Namespace(tasks=[file(tmp_path, CONFIG)], data=None, target=None, problem=None, model=None)
    (task,) = asked_tasks(given)
    assert task.data is None
