"""Census of models: its own small modules are measured, and the page says what was found."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scripts import census
from scripts.census_models import PACKAGES, SHORT, Case

ROWS = {row.model: row for row in (census.measure(case) for case in SHORT)}


def test_its_own_modules_have_no_dead_layer_and_nothing_unsaid() -> None:
    assert {name: row.layers for name, row in ROWS.items()} == {
        "Plain": 2,
        "Branches": 1,
        "Tables": 1,
        "Formula": 1,
    }
    for row in ROWS.values():
        assert row.running == row.layers
        assert row.unsaid == ()
        assert row.refused == ""
        assert max(row.evaluation, row.training) < 1e-6
    assert ROWS["Tables"].left_alone > 0


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(x, -1)


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("no batch is good enough")


def test_a_refusal_is_a_row_and_a_broken_model_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    x = torch.ones(2, 3)
    assert "Nothing to convert" in census.measure(Case("own", "Nothing", Nothing, lambda: x)).refused
    assert census._counted(Case("own", "Broken", Broken, lambda: x)) == []
    assert "not run: RuntimeError: no batch is good enough" in capsys.readouterr().out


def test_packages_that_are_missing_are_left_out_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing():
        import surely_missing  # type: ignore[import-not-found]

        yield surely_missing

    monkeypatch.setitem(PACKAGES, "missing", missing)
    assert list(census.cases_of(["missing"])) == []
    assert capsys.readouterr().out == "missing is left out: No module named 'surely_missing'\n"


def test_the_page_and_the_rows_are_written(tmp_path: Path) -> None:
    page, rows = tmp_path / "census.md", tmp_path / "rows.json"
    assert census.main(["--short", "--out", str(page), "--json", str(rows)]) == 0
    text = page.read_text()
    assert "4 models of 1 packages: 4 are converted to 5 layers, 0 of which never run; 0 activations" in text
    assert "| own | Plain | 2 | 2 | 0 | 0 |" in text
    assert [row["model"] for row in json.loads(rows.read_text())] == list(ROWS)
    again = tmp_path / "again.md"
    assert census.main(["--rows", str(rows), str(rows), "--out", str(again)]) == 0
    assert "8 models of 1 packages" in again.read_text()
    assert "| own | 8 | 10 | 0 | 0 | 0 |" in again.read_text()
