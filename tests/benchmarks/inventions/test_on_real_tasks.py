"""Found functions against registered ones: the correction by hand, a record that is read, a short run."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from scripts.benchmarks.inventions import half_width, holm, on_real_tasks, register, standings
from scripts.benchmarks.results import Record

SEEDS = 10


def record(file: Path, shift: float) -> Record:
    made, draw = Record(file), np.random.default_rng(0)
    for seed in range(SEEDS):
        for arm, level in (("relu", 1.0), ("tanh", 0.9), ("mine", 0.9 - shift)):
            value = level + 0.01 * draw.standard_normal()
            selection = 1 - value if arm == "mine" else value
            made.add(task="a", arm=arm, seed=seed, selection=selection, comparison=value)
    return made


def test_holm_rejects_step_by_step() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([0.02, 0.02, 0.02]) == [False, False, False]


def test_an_interval_of_one_comparison_is_that_of_a_t_test() -> None:
    a, b = np.array([1.0, 1.2, 1.1, 0.7]), np.array([0.9, 1.3, 0.8, 0.6])
    low, high = ttest_rel(a, b).confidence_interval()
    assert half_width(a - b, 1) == pytest.approx((high - low) / 2)
    assert half_width(a - b, 20) > half_width(a - b, 1)


def test_a_gain_is_over_the_best_on_selection_rows(tmp_path: Path) -> None:
    stand = standings(record(tmp_path / "a", 0.2), ["mine"], ["relu", "tanh"])["mine", "a"]
    assert (stand.best, stand.rank, stand.better, stand.worse) == ("tanh", 1, 2, 0)
    assert stand.gain == pytest.approx(0.2, abs=0.02)
    assert stand.cell().startswith("1; **+0.")


def test_no_gain_is_no_gain(tmp_path: Path) -> None:
    stand = standings(record(tmp_path / "a", -0.001), ["mine"], ["relu", "tanh"])["mine", "a"]
    assert (stand.better, stand.worse) == (1, 0)
    assert "**" not in stand.cell()


def test_a_formula_has_one_name_however_often_it_is_registered() -> None:
    text = "1.164*log(1.16271959704063*exp(0.9209636*x) + 1)*erf(1.454*x + 0.2380198)"
    assert register(text) == register(text)


@pytest.mark.long
@pytest.mark.slow
def test_a_short_run_finds_compares_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tmp_path / "known"
    made = Record(known / "results.jsonl")
    for seed in range(2):
        made.add(task="cancer", arm="relu", seed=seed, selection=0.5, comparison=0.25 + 0.01 * seed)
    arguments = ["--short", "--only", "cancer", "--out", str(tmp_path / "out")]
    on_real_tasks.main([*arguments, "--results", str(known)])
    printed = capsys.readouterr().out
    assert "| shape, cancer | `" in printed
    assert "| evolution, cancer | `" in printed
    assert "above chance" in printed
    lines = (tmp_path / "out" / "short" / "results.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert len(entries) == 2 * 5  # seeds, and three registered and two found
    assert {e["comparison"] for e in entries if e["arm"] == "relu"} == {0.25, 0.26}
    monkeypatch.setattr(on_real_tasks, "stack_values", pytest.fail)  # nothing is trained again
    on_real_tasks.main(arguments)
    assert capsys.readouterr().out == printed
