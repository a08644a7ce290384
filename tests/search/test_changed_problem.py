"""A run goes on with the model and the data that it began with; what changed is named."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from autoact import run_search
from autoact.cli import main
from autoact.errors import ConfigurationError
from autoact.records import Ledger
from autoact.search import SearchResult
from autoact.search.setup import changes, fingerprint
from tests.search.models import SMALLEST, Curve, CurveData


class Sized(Curve):
    """A curve on a hidden layer of some size."""

    def __init__(self, hidden: int = 8) -> None:
        L.LightningModule.__init__(self)
        self.lr = 1e-2
        self.net = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Flatten(0))


class Scaled(CurveData):
    """Data with larger targets, or more of them."""

    def __init__(self, scale: float = 1.0, rows: int = 0) -> None:
        super().__init__()
        self.scale, self.more = scale, rows

    def loader(self, rows: int, seed: int, shuffle: bool = False) -> DataLoader[Any]:
        data = super().loader(rows + self.more, seed, shuffle).dataset
        assert isinstance(data, TensorDataset)
        x, y = data.tensors
        return DataLoader(TensorDataset(x, self.scale * y), batch_size=32, shuffle=shuffle)


def search(model: Callable[[], Any], data: Any, out: Path, **changed: Any) -> SearchResult:
    return run_search(model, data, out=out, **{**SMALLEST, **changed})


def interrupted(out: Path) -> None:
    """Begin a search and end it, as Ctrl-C does, after some trainings."""
    seen = [0]

    class Stopped(Scaled):
        def train_dataloader(self) -> DataLoader[Any]:
            done = out / "trainings.jsonl"
            if done.exists() and done.read_text().count("\n") > 3:
                raise KeyboardInterrupt
            seen[0] += 1
            return super().train_dataloader()

    with pytest.raises(KeyboardInterrupt):
        search(Sized, Stopped, out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "data", "named"),
    [
        (partial(Sized, 64), Scaled, r"shape of net\.0\.weight \(was 8x2, is 64x2\)"),
        (Sized, partial(Scaled, 10.0), "first row of the training data"),
        (Sized, partial(Scaled, rows=8), r"length of the training data \(was 96, is 104\)"),
        (Curve, Scaled, r"source of Sized \(gone\)"),
    ],
)
def test_what_changed_is_named_and_refused(tmp_path: Path, model: Any, data: Any, named: str) -> None:
    """Fault F5: 0.37 before and 38 after in one leaderboard, with a verdict at the end."""
    out = tmp_path / "run"
    interrupted(out)
    before = (out / "trainings.jsonl").read_text()
    with pytest.raises(ConfigurationError, match=rf"cannot be resumed.*{named}.*--accept-changes"):
        search(model, data, out, resume=True)
    assert (out / "trainings.jsonl").read_text() == before


@pytest.mark.slow
def test_changes_that_are_accepted_are_trained_anew_and_the_rest_is_set_aside(tmp_path: Path) -> None:
    out = tmp_path / "run"
    interrupted(out)
    before = (out / "trainings.jsonl").read_text()
    changed = search(Sized, partial(Scaled, 10.0), out, resume=True, accept_changes=True)
    fresh = search(Sized, partial(Scaled, 10.0), tmp_path / "fresh")
    assert changed.report["confirmation"] == fresh.report["confirmation"]
    assert len(changed.trainings) == len(fresh.trainings)
    assert (out / "before-change-1" / "trainings.jsonl").read_text() == before
    assert (out / "before-change-1" / "config.yaml").exists()
    again = search(Sized, partial(Scaled, 10.0), out, resume=True)
    assert again.report["confirmation"] == fresh.report["confirmation"]


@pytest.mark.slow
def test_a_run_that_is_as_it_was_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    interrupted(out)
    done = Ledger(out / "trainings.jsonl").trainings
    result = search(Sized, Scaled, out, resume=True, accept_changes=True)
    assert list(result.trainings)[: len(done)] == done
    assert not list(out.glob("before-change-*"))


class Asking(Curve):
    """A model that asks what its layers are, as earlier versions did not notice."""

    def __init__(self) -> None:
        super().__init__()
        hidden = nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh()
        self.net = nn.Sequential(*hidden, nn.Linear(8, 1), nn.Flatten(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.net:
            x = layer(x) * (0.5 if isinstance(layer, nn.Tanh) else 1.0)
        return x


def test_layers_that_another_version_found_are_named_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the trials would choose for two layers, the other half for one."""
    with monkeypatch.context() as earlier:
        earlier.setattr("autoact.conversion._conversion_plan.asked", lambda *_: {})
        search(Asking, CurveData, tmp_path / "run")
    with pytest.raises(ConfigurationError, match=r"cannot be resumed.*: searched layers \(gone: net\.3\)\. "):
        search(Asking, CurveData, tmp_path / "run", resume=True)


class Augmented(Dataset[Any]):
    """Rows with noise that no seed decides."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, row: int) -> Any:
        noise = torch.Generator()
        noise.seed()
        return torch.randn(2, generator=noise), {"label": row}


def test_random_augmentation_is_no_change_and_another_form_is() -> None:
    def found(data: Any) -> dict[str, Any]:
        return fingerprint(None, {"training data": DataLoader(data, batch_size=4)})

    first = found(Augmented())
    assert first["form of the training data"] == "float32 2, int"
    assert "first row of the training data" not in first
    assert changes(first, found(Augmented())) == []
    other = changes(first, found(TensorDataset(torch.zeros(8, 3), torch.zeros(8))))
    assert other == ["form of the training data (was float32 2, int, is float32 3, float32)"]


def test_the_source_counts_without_comments_and_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "written_model.py"

    def found(text: str) -> dict[str, Any]:
        file.write_text(f"from torch import nn\n\n\nclass Written(nn.Module):\n    {text}\n")
        sys.modules.pop("written_model", None)
        importlib.invalidate_caches()
        return fingerprint(importlib.import_module("written_model").Written(), {})

    first = found("width = 8")
    assert changes(first, found("# how wide it is\n    width = 8")) == []
    assert changes(first, found("width = 9 + 0")) == ["source of Written"]


@pytest.mark.long
@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = (
        "from tests.search.models import Curve, CurveData;"
        "from autoact.search.setup import fingerprint;"
        "d = CurveData();"
        "print(sorted(fingerprint(Curve(), {'a': d.train_dataloader(), 'b': [d.val_dataloader()]}).items()))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in (1, 2)
    ]
    assert said[0] == said[1]
    assert "source of Curve" in said[0]
    assert not re.search(r"0x[0-9a-f]{8}", said[0])


def test_a_changed_function_is_refused(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"layers": ["a"], "mode": "min", "budget": 2, "seeds": 2, "selection_seeds": 1}
    space = ["relu", "tanh"]

    def objective(assignment: Any, seed: int, fraction: float) -> float:
        return len(str(assignment)) + seed % 7 / 10

    run_search(objective=objective, space=space, out=tmp_path / "run", quiet=True, **settings)

    def objective(assignment: Any, seed: int, fraction: float) -> float:  # type: ignore[no-redef]
        return len(str(assignment)) + seed % 5 / 10

    with pytest.raises(ConfigurationError, match="source of objective"):
        run_search(
            objective=objective, space=space, out=tmp_path / "run", resume=True, quiet=True, **settings
        )


@pytest.mark.long
@pytest.mark.slow
def test_the_command_line_accepts_changes_of_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "run"

    def write(scale: float) -> None:
        rows = [f"{x},{(x * 7) % 5},{scale * ((x % 9) - 4) ** 2}" for x in range(60)]
        table.write_text("\n".join(["a,b,y", *rows, ""]))

    write(1.0)
    given = ["search", "--data", str(table), "--target", "y", "--budget", "1", "--seeds", "2"]
    given += ["--selection-seeds", "1", "--out", str(out), "--quiet"]
    space = tmp_path / "space.yaml"
    space.write_text("version: 1\nname: two\ncandidates: [relu, tanh]\n")
    assert main([*given, "--space", str(space)]) == 0
    write(3.0)
    assert main(["search", "--resume", str(out), "--quiet"]) == 2
    assert "--accept-changes" in capsys.readouterr().err
    assert main(["search", "--resume", str(out), "--quiet", "--accept-changes"]) == 0
    assert (out / "before-change-1" / "report.json").exists()
    kept = yaml.safe_load((out / "config.yaml").read_text())["source"]["sha256"]
    before = yaml.safe_load((out / "before-change-1" / "config.yaml").read_text())["source"]["sha256"]
    assert kept != before
    assert main(["search", "--resume", str(out), "--quiet"]) == 0
    assert main(["search", "--task", "digits", "--accept-changes"]) == 2
