"""Priors are measured on a table, stored in it, and replayed from it."""

import shutil

from scripts.benchmarks import priors
from scripts.benchmarks.tables import SearchTable
from scripts.terminal import TABLES


def test_priors_are_measured_and_stored(tmp_path, capsys):
    shutil.copy(TABLES / "digits.npz", tmp_path)
    kept = "uniform softmax / weights"
    chosen = ["--designs", "uniform softmax", "one-shot", "--workers", "1", "--short", "--store", kept]
    priors.main(["--tables", str(tmp_path), *chosen])
    assert "| uniform softmax / projection |" in capsys.readouterr().out
    table = SearchTable.load(tmp_path / "digits.npz")
    assert table.priors[kept].scores.shape == (1, 3, 8)
