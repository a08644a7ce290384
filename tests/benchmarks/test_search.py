"""The benchmark of searches plays any tables, keeps what it has played, and judges by the bars."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks import search
from scripts.benchmarks.replay import Regrets, noise
from tests.benchmarks.replay.measured import measured


@pytest.mark.slow
def test_the_benchmark_plays_any_folder_of_tables(tmp_path: Path, capsys) -> None:
    measured("stranger", "max").save(tmp_path / "stranger.npz")
    options = ["--short", "--without-synthetic", "--costs", "3,5", "--workers", "1", "--prior", "exact"]
    files = [
        f"--{kind}={tmp_path / name}"
        for kind, name in (("json", "r.json"), ("markdown", "r.md"), ("figure", "r.svg"))
    ]
    assert search.main([*options, "--tables", str(tmp_path), *files]) == 0
    results = json.loads((tmp_path / "r.json").read_text())["stranger"]
    assert len(results["TPE, best trial"]["5"]) == 4
    assert {"autoact", "without mixture", "without distance"} <= set(results)
    assert "| autoact | " in capsys.readouterr().out == (tmp_path / "r.md").read_text() + "\n"
    assert "<svg" in (tmp_path / "r.svg").read_text()


def test_results_that_are_kept_are_not_played_again(tmp_path: Path, capsys) -> None:
    (tmp_path / "held_out").mkdir()
    measured().save(tmp_path / "held_out" / "stranger.npz")
    options = [f"--tables={tmp_path}", "--held-out", "--short", "--without-synthetic", "--costs=3"]
    options += ["--workers=1", "--prior=exact", f"--json={tmp_path / 'r.json'}"]
    assert search.main(options) == 0
    results = json.loads((tmp_path / "r.json").read_text())
    del results["held out: stranger"]["without mixture"]
    results["held out: stranger"]["autoact"]["3"] = [0.5, 0.5, 0.5, 0.5]
    (tmp_path / "r.json").write_text(json.dumps(results))
    capsys.readouterr()
    assert search.main(options) == 0
    shown = capsys.readouterr()
    assert [line.split(",")[0] for line in shown.err.splitlines()] == ["held out: stranger: without mixture"]
    assert "| autoact | 0.50 (0.50) |" in shown.out
    assert "| **held out** | " in shown.out


def test_what_the_noise_costs_is_judged_by_the_bars() -> None:
    medians = {"autoact": 0.4, "half of the noise": 0.3, "a tenth of the noise": 0.1, "TPE, best trial": 0.5}
    results = {
        "one": {name: Regrets((20.0,), np.full((4, 1), median)) for name, median in medians.items()},
        "synthetic: two": {"autoact": Regrets((20.0,), np.ones((4, 1)))},
    }
    *_, group, row, _ = noise(results).split("\n")
    assert row == (
        "| one | 0.80 [0.80, 0.80] | **0.60** [0.60, 0.60] | **0.20** [0.20, 0.20] "
        "| **0.40** | **0.30** | **0.10** | 0.50 |"
    )
    assert group.startswith("| **of development** | 0.80 ")


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path, capsys) -> None:
    assert search.main(["--without-synthetic", "--tables", str(tmp_path)]) == 2
    assert "holds no .npz table" in capsys.readouterr().err
