"""Results on real tasks: tables by hand, a record that was cut short, and the script's short run."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from scripts.benchmarks.inventions import on_real_tasks, shared_shapes
from scripts.benchmarks.results import Record, agreement, draw, every_fixed, fixed_arms, markdown, measure
from scripts.benchmarks.results._tables import best_fixed, gain, half_width, ranks

VALUES = {
    "relu": np.array([1.0, 1.2, 1.1]),
    "tanh": np.array([0.9, 1.1, 1.02]),
    "exp": np.array([0.1, np.nan, 0.1]),
}


def test_a_gain_has_the_interval_of_a_paired_t_test():
    differences = VALUES["relu"] - VALUES["tanh"]
    low, high = ttest_rel(VALUES["relu"], VALUES["tanh"]).confidence_interval()
    assert half_width(differences) == pytest.approx((high - low) / 2)
    assert gain(VALUES, "tanh") == f"**+0.0933 ± {half_width(differences):.4f}**"
    assert gain(VALUES, "exp") == "1 of 3 diverged"


def test_the_best_is_chosen_on_selection_rows_and_what_diverged_is_last():
    assert best_fixed(VALUES) == "tanh"
    assert ranks(VALUES) == {"tanh": 1, "relu": 2, "exp": 3}
    assert ranks({**VALUES, "same": VALUES["tanh"]})["same"] == 1.5


def record(file, task="a", shift=0.0):
    made = Record(file)
    for seed in range(3):
        for arm, value in (("relu", 1.0), ("tanh", 0.8)):
            value += 0.01 * seed + (shift if arm == "tanh" else 0.0)
            made.add(task=task, arm=arm, seed=seed, selection=value, comparison=value)
    return made


def test_two_runs_agree_where_the_interval_of_their_difference_holds_zero(tmp_path):
    one, two = record(tmp_path / "1"), record(tmp_path / "2", shift=1.0)
    assert agreement(one, record(tmp_path / "3")) == (2, 2, [])
    assert agreement(one, two) == (1, 2, ["a, tanh"])


def test_a_record_goes_on_after_a_line_that_was_cut_short(tmp_path):
    file = tmp_path / "results.jsonl"
    record(file)
    whole = file.read_text()
    file.write_text(whole + '{"task": "a", "arm": "re')
    again = Record(file)
    assert again.has("a", "tanh", 2)
    assert not again.has("a", "tanh", 3)
    again.add(task="a", arm="relu", seed=3, selection=None, comparison=None)
    assert np.isnan(Record(file).values("a")["relu"][3])


@pytest.mark.parametrize("script", [measure, on_real_tasks, shared_shapes])
def test_a_full_run_reads_no_value_of_a_short_one(script):
    for out in ([], ["--out", "mine"]):
        assert script.parsed(["--short", *out]).out == script.parsed(out).out / "short"


@pytest.mark.slow
def test_a_short_run_measures_every_arm_and_goes_on(tmp_path, capsys):
    arguments = ["--short", "--only", "cancer", "--out", str(tmp_path)]
    measure.main([*arguments, "--picture", str(tmp_path / "ranks.png")])
    first = capsys.readouterr().out
    assert first.splitlines()[2].startswith("| cancer |")
    assert (tmp_path / "ranks.png").stat().st_size > 1000
    lines = (tmp_path / "short" / "results.jsonl").read_text()
    measure.main(arguments)
    assert capsys.readouterr().out == first
    assert (tmp_path / "short" / "results.jsonl").read_text() == lines
    kept = Record(tmp_path / "short" / "results.jsonl")
    assert set(kept.values("cancer")) == {"relu", "tanh", "gelu", "searched", "trained mixture"}
    assert markdown(kept) in first
    assert every_fixed(kept) in first
    assert draw(kept).axes
    assert {"relu", "finer", "polyrelu"} <= set(fixed_arms())
