"""Two searches through the command line whose right answer is known."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoact.cli import main

CONTROLS = Path(__file__).parent / "controls"


def search(control: str, out: Path, *options: str) -> dict[str, Any]:
    config = str(CONTROLS / f"{control}.yaml")
    assert main(["search", "--config", config, "--out", str(out), "--quiet", *options]) == 0
    return dict(json.loads((out / "report.json").read_text()))


@pytest.mark.slow
def test_sin_is_found_where_the_truth_is_made_of_sines(tmp_path: Path) -> None:
    report = search("positive", tmp_path / "run")
    assert report["verdict"] == "improved"
    assert "sin" in {choice["activation"] for choice in report["chosen"].values()}
    original = report["baselines"]["original"]["comparison"]
    chosen = report["confirmation"]["comparison"]
    assert sum(chosen) < sum(original) / 2
    assert report["comparisons"]["original"]["ci95"][0] > 0


@pytest.mark.slow
def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    report = search("negative", tmp_path / "run")
    assert report["verdict"] == "no significant difference"
    assert all(0.05 < accuracy < 0.15 for accuracy in report["confirmation"]["comparison"])
    assert report["comparisons"]["original"]["detectable"] < 0.05
