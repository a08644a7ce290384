"""The scripts that build tables and measure priors, on a small scale."""

import importlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from scripts.benchmarks.networks import train_one
from scripts.benchmarks.tables import SearchTable

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture
def designs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("prior_designs")


@pytest.fixture
def build(designs: Any) -> Any:
    return importlib.import_module("build_search_table")


def pieces(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(".digits-*/*.npz") if "partial" not in path.name}


def test_a_killed_build_goes_on_where_it_stopped_and_gives_real_trainings(tmp_path, build):
    arguments = ["--table", "digits", "--short", "--seeds", "3", "--workers", "1", "--out", str(tmp_path)]
    first = subprocess.Popen([sys.executable, str(SCRIPTS / "build_search_table.py"), *arguments])
    limit = time.monotonic() + 300
    while not pieces(tmp_path) and time.monotonic() < limit:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    (before,) = tmp_path.glob(".digits-*/0-0.npz")
    marked = dict(np.load(before))
    marked["comparison"][0] = 77.0  # a piece that is there is not trained again
    np.savez(before, **marked)

    build.main(arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["digits.npz"]
    table = SearchTable.load(tmp_path / "digits.npz")
    assert table.selection.shape == (3, 3, 3, 3, 2)
    assert table.compared((0, 0, 0), 0) == 77.0

    task = importlib.import_module("table_tasks").TASKS["digits"].shortened()
    names = [task.candidates[choice] for choice in (2, 0, 1)]
    selection, comparison = train_one(task.sizes, names, 2, task.load(Path()), task.regime)
    measured = [table.value((2, 0, 1), 2, rung) for rung in (0, 1)]
    np.testing.assert_allclose(measured, selection, rtol=1e-3)
    assert table.compared((2, 0, 1), 2) == pytest.approx(comparison, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "wine", "--data-dir", "nowhere"], "name the folder that holds it with --data-dir"),
        (["--table", "digits", "--seeds", "0"], "--seeds 0 and --workers 2 must be at least 1"),
    ],
)
def test_bad_input_ends_in_one_line(tmp_path, build, capsys, arguments, said):
    with pytest.raises(SystemExit) as found:
        build.main([*arguments, "--out", str(tmp_path)])
    assert said in f"{found.value} {capsys.readouterr().err}"


def test_the_hypergradient_is_the_analytic_one(designs):
    # inner 1/2 |w - A s|^2, outer 1/2 |w - c|^2 + 1/2 |s|^2: w' = w - r (w - A s), slope r A^T (w' - c) + s
    generator = torch.Generator().manual_seed(0)
    matrix, w, s, c = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((4, 3), (4,), (3,), (4,))
    )
    w.requires_grad_(True)
    s.requires_grad_(True)
    (found,) = designs.hypergradient(
        lambda values: 0.5 * (values[0] - matrix @ s).square().sum(),
        lambda values: 0.5 * (values[0] - c).square().sum() + 0.5 * s.square().sum(),
        [w],
        [s],
        0.3,
    )
    stepped = w - 0.3 * (w - matrix @ s)
    torch.testing.assert_close(found, 0.3 * matrix.T @ (stepped - c) + s)


@pytest.mark.parametrize(("name", "alpha"), [("sparsemax", 2.0), ("entmax15", 1.5)])
def test_sparse_relaxations_solve_their_problem(designs, name, alpha):
    # weights p(t) = max((alpha - 1) z - t, 0)^(1 / (alpha - 1)) with t such that they sum to 1
    logits = torch.tensor([1.3, 0.2, 1.1, -2.0])

    def weights(threshold: float) -> torch.Tensor:
        return ((alpha - 1) * logits - threshold).clamp(min=0) ** (1 / (alpha - 1))

    solved = minimize_scalar(lambda t: (float(weights(t).sum()) - 1) ** 2, bounds=(-1, 1.2), method="bounded")
    found = getattr(designs, name)(logits, 0.0)
    torch.testing.assert_close(found, weights(solved.x), atol=1e-3, rtol=1e-3)
    assert float(found.sum()) == pytest.approx(1, abs=1e-6)


def test_priors_are_measured_and_stored(tmp_path, designs, capsys):
    shutil.copy(SCRIPTS.parent / "docs" / "benchmarks" / "tables" / "digits.npz", tmp_path)
    kept = "uniform softmax / weights"
    chosen = ["--designs", "uniform softmax", "one-shot", "--workers", "1", "--short", "--store", kept]
    importlib.import_module("benchmark_priors").main(["--tables", str(tmp_path), *chosen])
    assert "| uniform softmax / projection |" in capsys.readouterr().out
    table = SearchTable.load(tmp_path / "digits.npz")
    assert table.priors[kept].scores.shape == (1, 3, 8)
