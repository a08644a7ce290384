"""Bad input ends in exit status 2 and one line; good input in 0; a failed search in 1."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import autoact
from autoact.cli import _commands, main

MODULE = """
import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def rows(count, broken=False):
    x = torch.linspace(-2, 2, count)[:, None]
    return TensorDataset(x, x.sin() * (float("nan") if broken else 1.0))


class Model(L.LightningModule):
    def __init__(self, activation: bool = True, lr: float = 1e-2):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.ReLU() if activation else nn.Identity(), nn.Linear(4, 1))
        self.lr = lr

    def loss(self, batch):
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def training_step(self, batch, index):
        return self.loss(batch)

    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class Linear(Model):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(1, 1)


class Data(L.LightningDataModule):
    def __init__(self, count: int = 16, broken: bool = False):
        super().__init__()
        self.count, self.broken = count, broken

    def train_dataloader(self):
        return DataLoader(rows(self.count, self.broken), batch_size=8)

    def val_dataloader(self):
        return DataLoader(rows(16), batch_size=8)

    def test_dataloader(self):
        return DataLoader(rows(16), batch_size=8)
"""

CONFIGURATION: dict[str, Any] = {
    "model": {"class_path": "cli_user_module.Model"},
    "data": {"class_path": "cli_user_module.Data", "init_args": {"count": 16}},
    "trainer": {"max_epochs": 1, "accelerator": "cpu"},
    "space": ["relu", "tanh"],
    "search": {"monitor": "val_loss", "budget": 2, "seeds": 2, "selection_seeds": 1},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty current folder that holds a user's module."""
    (tmp_path / "cli_user_module.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cli_user_module", raising=False)
    return tmp_path


def configure(folder: Path, changes: dict[str, Any]) -> None:
    """Write config.yaml (JSON is YAML), with some keys replaced."""
    (folder / "config.yaml").write_text(json.dumps(CONFIGURATION | changes, indent=1))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    """Return the one line of complaint of a command that must fail."""
    assert main(arguments) == status
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("autoact: ")
    assert "Traceback" not in captured.err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "the following arguments are required: command"),
        ("serach", "invalid choice: 'serach'"),
        ("search", "say what to search: --config FILE, --task digits, --data FILE.csv --target COLUMN, or"),
        ("search --task digit", "No task named 'digit'. Did you mean 'digits'?"),
        ("search --task digits --config x.yaml", "not allowed with argument"),
        ("search --task digits --budget many", "argument --budget: invalid int value: 'many'"),
        ("search --task digits --budget 0", "budget is 0; it must be an integer of at least 1"),
        ("search --task digits --seeds 1", "seeds is 1; it must be an integer of at least 2"),
        ("search --task digits --workers 0", "workers is 0"),
        (
            "search --task digits --mode least",
            "argument --mode: invalid choice: 'least' (choose from 'min', 'max')",
        ),
        (
            "search --task digits --mode mni",
            "`autoact search --help` tells what it takes. Did you mean 'min'?",
        ),
        ("serch", "`autoact --help` tells what it takes. Did you mean 'search'?"),
        ("search --task digits --space physix", "No search space named 'physix'"),
        ("search --task digits --frob", "unrecognized arguments: --frob"),
        ("search --resume nowhere", "nowhere does not exist, so there is no run to resume or to read"),
        ("search --resume nowhere --out there", "--resume names the run directory; leave out --out."),
        ("search --config nowhere.yaml", "Cannot read nowhere.yaml: No such file or directory. Looked in "),
        ("show rleu", "No activation named 'rleu'. Did you mean 'relu'?"),
        ("report nowhere", "nowhere is not a directory"),
    ],
)
def test_a_wrong_command_line_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    assert said in refused(capsys, *arguments.split())
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": ["relu", "tahn"]}, "No activation named 'tahn'. Did you mean 'tanh'?"),
        ({"search": {"budget": 0}}, "search.budget: budget is 0"),
        ({"search": {"monitor": "val_f1"}}, "search.monitor: mode is not given and cannot be inferred"),
        ({"search": {"buget": 3}}, "search.buget: unknown key 'buget'"),
        ({"search": {"monitor": "val_los"}}, "val_los"),
        ({"search": {"monitor": "val_missing_loss"}}, "'val_missing_loss' was never logged"),
        (
            {"model": {"class_path": "cli_user_module.Linear"}},
            "its modules (Linear x1) include no activation",
        ),
        ({"model": {"class_path": "cli_user_module.Data"}}, "is not a LightningModule"),
        (
            {"trainer": {"accelerator": "cpu"}},
            "trainer: The trainer settings do not say how long a training is",
        ),
        (
            {"data": {"class_path": "cli_user_module.Data", "init_args": {"count": 0}}},
            "training data are empty",
        ),
        (
            {"data": {"class_path": "cli_user_module.Data", "init_args": {"broken": True}}},
            "hold 8 values that are NaN or infinite",
        ),
        (
            {
                "space": {
                    "version": 1,
                    "candidates": ["relu", "tanh"],
                    "layers": [{"match": "nte.*", "keep": True}],
                }
            },
            "'nte.*' matches no activation of this model; there are: net.1. Did you mean 'net.1'?",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_before_training(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    configure(folder, changes)
    assert said in refused(capsys, "search", "--config", "config.yaml", "--out", "run", "--quiet")
    assert not (folder / "run").exists()


@pytest.mark.slow
def test_a_run_is_reported_resumed_and_never_overwritten(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(folder, {})
    assert main(["search", "--config", "config.yaml", "--out", "run", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.lstrip().startswith("Verdict: ")
    report = (folder / "run" / "report.json").read_bytes()
    page = (folder / "run" / "report.html").read_bytes()

    complaint = refused(capsys, "search", "--config", "config.yaml", "--out", "run")
    assert "autoact search --resume run" in complaint

    (folder / "config.yaml").unlink()  # a run carries what it needs
    assert main(["search", "--resume", "run", "--quiet"]) == 0
    capsys.readouterr()
    assert "budget was 2 and is 1 now" in refused(capsys, "search", "--resume", "run", "--budget", "1")
    assert "selection_seeds was 1 and is 2 now" in refused(
        capsys, "search", "--resume", "run", "--selection-seeds", "2"
    )
    assert (folder / "run" / "report.json").read_bytes() == report

    (folder / "run" / "report.html").unlink()
    assert main(["report", "run"]) == 0
    assert (folder / "run" / "report.html").read_bytes() == page

    kept = (folder / "run" / "config.yaml").read_bytes()
    assert main(["search", "--resume", "run", "--seeds", "3", "--dry-run"]) == 0
    assert "(at most 3 models on 3 fresh seeds" in capsys.readouterr().out
    assert (folder / "run" / "config.yaml").read_bytes() == kept
    assert main(["search", "--resume", "run", "--seeds", "3", "--hours", "2"]) == 0
    assert "trainings are done, up to" in capsys.readouterr().out
    extended = json.loads((folder / "run" / "report.json").read_text())
    assert extended["reported"] == [2, 3]
    assert len(extended["confirmation"]["seeds"]) == 3
    assert "hours: 2." in (folder / "run" / "config.yaml").read_text()


def test_a_dry_run_refuses_the_directory_that_the_search_would_refuse(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(folder, {})
    (folder / "taken").mkdir()
    assert main(["search", "--config", "config.yaml", "--dry-run", "--out", "taken"]) == 2
    assert "taken exists already and is left untouched" in capsys.readouterr().err


def test_a_dry_run_tells_layers_and_cost_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(folder, {})
    before = sorted(path.name for path in folder.iterdir())
    assert main(["search", "--config", "config.yaml", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "net.1  relu  from relu, tanh" in printed
    assert "2  search (1 mixture, 1 trial)" in printed
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.slow
def test_a_search_that_diverges_throughout_is_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(folder, {"model": {"class_path": "cli_user_module.Model", "init_args": {"lr": 1e30}}})
    complaint = refused(capsys, "search", "--config", "config.yaml", "--out", "run", "--quiet", status=1)
    assert "finite" in complaint
    assert main(["report", "run"]) == 0
    assert "No verdict" in (folder / "run" / "report.html").read_text()


@pytest.mark.slow
def test_the_default_run_directory_is_the_first_free_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(folder, {})
    (folder / "runs" / "config-1").mkdir(parents=True)
    assert main(["search", "--config", "config.yaml", "--quiet"]) == 0
    assert (folder / "runs" / "config-2" / "report.json").is_file()


@pytest.mark.slow
def test_list_and_show_print_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["name", *autoact.list_activations()]
    facts = ["elu", "exponential", "alpha=1", "C1", "linear", "[-1,", "∞]", "1", "1.152", "1.245", "0.891"]
    assert facts in rows
    assert main(["show", "leaky_relu"]) == 0
    shown = capsys.readouterr().out
    assert "negative_slope = 0.01" in shown
    assert "LeakyReLU(negative_slope=0.01)" in shown


@pytest.mark.slow
def test_a_torch_callable_is_listed_without_the_facts_that_need_a_formula(capsys):
    @autoact.activation(family="test")
    def written_with_torch(x):
        """Scaled Bessel function."""
        return torch.special.i0e(x)

    assert main(["list"]) == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("written_with_torch "))
    assert row.split()[3:5] == ["unknown", "bounded"]


@pytest.mark.slow
def test_a_reader_may_stop_early():
    read, write = os.pipe()
    os.close(read)
    code = "from autoact.cli import main; raise SystemExit(main(['show', 'relu']))"
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, timeout=300)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "elu", "--param", "alpha=inf"],
        ["show", "elu", "--param", "alpha=nan"],
        ["show", "elu", "--param", "alpha=1e308"],
        ["report", "x" * 300],
        ["search", "--resume", "x" * 300],
        ["search", "--config", "x" * 300],
        ["search", "--data", "x" * 300, "--target", "y"],
        ["search", "--task", "digits", "--space", "x" * 300, "--dry-run"],
        ["search", "--task", "digits", "--out", "x" * 300],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_extreme_arguments_are_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("autoact: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("value", [10**30, -(10**30)])
@pytest.mark.parametrize(
    ("section", "name"),
    [
        *(("trainer", name) for name in ("max_epochs", "limit_val_batches")),
        *(("search", name) for name in ("budget", "seeds", "selection_seeds", "workers", "seed")),
    ],
)
def test_extreme_numbers_are_refused_before_anything_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], section: str, name: str, value: int
) -> None:
    changed = {section: {**CONFIGURATION[section], name: value}}
    (folder / "config.yaml").write_text(json.dumps(CONFIGURATION | changed, indent=1))
    assert main(["search", "--config", "config.yaml", "--dry-run"]) == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_epochs", -5),
        ("accumulate_grad_batches", 0),
        ("check_val_every_n_epoch", 0),
        ("val_check_interval", -2),
        ("limit_val_batches", -1),
        ("gradient_clip_algorithm", "foo"),
        ("profiler", "foo"),
        ("max_time", "foo"),
        ("overfit_batches", -1),
        ("devices", [7]),
    ],
)
def test_what_lightning_refuses_is_bad_input_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, value: Any
) -> None:
    trainer = {**CONFIGURATION["trainer"], name: value}
    (folder / "config.yaml").write_text(json.dumps(CONFIGURATION | {"trainer": trainer}, indent=1))
    assert main(["search", "--config", "config.yaml", "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("autoact: config.yaml, line ")
    assert said.count("\n") == 1


def test_a_warning_of_this_package_is_a_plain_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def listed(*given: object) -> str:
        for file in (autoact.__file__, __file__):
            shown.append(warnings.formatwarning(UserWarning("two\n lines"), UserWarning, file, 73, "x = 1"))
        return ""

    monkeypatch.setattr(_commands, "_once", listed)
    before = warnings.formatwarning
    assert main(["list"]) == 0
    assert shown[0] == "autoact: two lines\n"
    assert shown[1].startswith(f"{__file__}:73: UserWarning")
    assert warnings.formatwarning is before
