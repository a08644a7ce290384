"""Rows are part of the interval: crossed random effects, by groups of rows that all seeds share."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from autoact.records import Comparison, RowEffect, RowGroups, Training
from autoact.search.statistics import (
    Spread,
    compare,
    compare_trainings,
    is_hopeless,
    levels,
    seeds_needed,
    share_of_rows,
    variances,
)
from autoact.spaces import Assignment
from scripts.benchmarks.verdict import rows as script
from scripts.benchmarks.verdict.looks import DRAWN, lower_bound
from scripts.benchmarks.verdict.rows import CASES, decisions, differences
from scripts.terminal import ROOT

NOTHING = "no significant difference"
LOOKS = 5, 10, 20


def values(numbers: np.ndarray, data: int = 1) -> RowGroups:
    return RowGroups(values=tuple(numbers.tolist()), weights=(1.0,) * len(numbers), data=data)


def judged(gains: np.ndarray, **settings: object) -> Comparison:
    """Return the comparison of a model with these gains, (S, G), over one whose values are 0."""
    zero = values(np.zeros(gains.shape[1]))
    groups = [(values(each), zero) for each in gains]
    return compare(gains.mean(1).tolist(), [0.0] * len(gains), "max", groups=groups, **settings)  # type: ignore[arg-type]


def rows_of(found: Comparison) -> RowEffect:
    assert found.rows is not None
    return found.rows


@pytest.mark.parametrize("spread", [(1.0, 1.0, 1.0), (0.2, 1.0, 0.5), (1.0, 0.0, 0.1)])
def test_variances_are_those_of_an_analysis_of_variance(spread):
    gains = differences(np.random.default_rng(3), "normal", (1, 6, 9), spread)[0]
    seeds, groups = gains.shape
    by_seed, by_group, mean = gains.mean(1), gains.mean(0), gains.mean()
    squares_seeds = groups * ((by_seed - mean) ** 2).sum() / (seeds - 1)
    squares_rows = seeds * ((by_group - mean) ** 2).sum() / (groups - 1)
    left = gains - by_seed[:, None] - by_group + mean
    squares_left = (left**2).sum() / (seeds - 1) / (groups - 1)
    found_seeds, found_rows, degrees = variances(gains, np.ones(groups))
    assert found_seeds == pytest.approx(squares_seeds / seeds / groups)
    assert found_rows == pytest.approx(max(0.0, (squares_rows - squares_left) / seeds / groups))
    if found_rows == 0:
        assert degrees == seeds - 1
    else:
        parts = (
            (squares_seeds, seeds - 1),
            (squares_rows, groups - 1),
            (-squares_left, (seeds - 1) * (groups - 1)),
        )
        total = sum(square for square, _ in parts)
        assert degrees == pytest.approx(total**2 / sum(square**2 / freedom for square, freedom in parts))


def test_variances_are_those_that_were_drawn():
    gains = differences(np.random.default_rng(4), "normal", (4000, 10, 16), (0.5, 0.4, 0.6))
    seeds, rows, _ = variances(gains, np.ones(16))
    assert seeds.mean() == pytest.approx((0.5**2 + 0.6**2) / 10, rel=0.03)
    assert rows.mean() == pytest.approx(0.4**2, rel=0.03)


def test_weights_are_rows_of_a_group():
    """Two groups of one row each are one group of two rows, in the mean and nearly in the variance."""
    random = np.random.default_rng(5)
    rows = random.normal(size=(40, 1, 90)) + 0.1 * random.normal(size=(40, 4, 90))
    pairs = np.concatenate([rows[..., :30], rows[..., 30:].reshape(40, 4, 30, 2).mean(-1)], -1)
    single = variances(rows, np.ones(90))
    merged = variances(pairs, np.r_[np.ones(30), 2 * np.ones(30)])
    assert merged[0] == pytest.approx(single[0])
    assert merged[1].mean() == pytest.approx(single[1].mean(), rel=0.05)


def test_the_interval_is_that_of_both_variances():
    gains = differences(np.random.default_rng(0), "normal", (1, 10, 16), (0.5, 0.5, 0.5))[0] + 0.3
    seeds, rows, degrees = variances(gains, np.ones(16))
    found = judged(gains)
    half = stats.t.ppf(0.975, degrees) * math.sqrt(seeds + rows)
    assert found.ci95 == pytest.approx((gains.mean() - half, gains.mean() + half))
    assert found.p_value == pytest.approx(
        2 * stats.t.sf(abs(gains.mean()) / math.sqrt(seeds + rows), degrees)
    )
    of_rows = rows_of(found)
    assert of_rows.groups == 16
    expected = math.sqrt(rows), rows / (seeds + rows), float(degrees)
    assert (of_rows.sd, of_rows.share, of_rows.degrees) == pytest.approx(expected)
    alone = compare(gains.mean(1).tolist(), [0.0] * 10, "max")
    assert alone.rows is None
    assert found.ci95[0] < alone.ci95[0]
    assert found.detectable > alone.detectable


def test_rows_never_make_the_interval_narrower_than_seeds_alone():
    random = np.random.default_rng(5)
    gains = 1.0 + 0.2 * random.normal(size=(2, 1)) + random.normal(size=(1, 32)) * 2
    found, alone = judged(gains), compare(gains.mean(1).tolist(), [0.0] * 2, "max")
    assert rows_of(found).share > 0.5  # 31 degrees of freedom instead of 1
    assert found.ci95 == pytest.approx(alone.ci95)
    assert found.p_value > alone.p_value > 0.05  # its error is larger, its t distribution lighter


def test_groups_that_differ_by_chance_leave_the_interval_of_seeds():
    gains = np.random.default_rng(1).normal(size=(6, 1)) + np.tile([1.0, -1.0], (6, 4)) * 1e-9
    found, alone = judged(gains), compare(gains.mean(1).tolist(), [0.0] * 6, "max")
    assert found.ci95 == pytest.approx(alone.ci95)
    assert (rows_of(found).sd, rows_of(found).share) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_what_is_true_of_these_rows_alone_is_no_improvement():
    random = np.random.default_rng(2)
    gains = 0.05 + 1.0 * random.normal(size=16) + 0.02 * random.normal(size=(10, 16))
    gains += 0.15 - gains.mean()
    assert compare(gains.mean(1).tolist(), [0.0] * 10, "max").verdict == "improved"
    found = judged(gains)
    assert (found.verdict, rows_of(found).limit, found.seeds_needed) == (NOTHING, True, None)
    assert is_hopeless(judged(gains[:5], looks=LOOKS), LOOKS, 5)


def test_where_seeds_are_missing_rows_are_no_limit():
    gains = np.random.default_rng(7).normal(0.5, 1.0, (5, 1)) + np.random.default_rng(8).normal(size=16) * 0.3
    found = judged(gains, looks=LOOKS)
    assert found.verdict == NOTHING
    assert not rows_of(found).limit
    assert not is_hopeless(found, LOOKS, 5)


def test_seeds_that_are_needed_find_the_difference():
    spread = Spread(pairs=10, seeds=0.1, degrees=9, rows=0.01, row_degrees=32)
    needed, fewer = seeds_needed(0.5, spread), seeds_needed(0.5, Spread(pairs=10, seeds=0.1, degrees=9))
    assert needed is not None
    assert fewer is not None
    assert needed > fewer
    gains = differences(np.random.default_rng(0), "normal", (2000, needed, 33), (1.0, 0.1, 0.0)) + 0.5
    assert (decisions(gains, (needed,))["improved"] > 0).mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (None, "values by batch were not kept"),
        (RowGroups(unknown="there are several loaders"), "there are several loaders"),
        (values(np.ones(8), data=2), "the comparison rows, or their order, differ between trainings"),
    ],
)
def test_why_nothing_is_known_of_rows(second, why):
    first = values(np.arange(8.0))
    found = compare(
        [1.0, 2.0, 4.0], [0.0] * 3, "max", groups=[(first, first), (first, second), (first, first)]
    )
    assert (rows_of(found).unknown or "").startswith(why)
    assert found.ci95 == compare([1.0, 2.0, 4.0], [0.0] * 3, "max").ci95
    content = found.to_dict()["rows"]
    assert (content["sd"], content["share"], content["groups"]) == (None, None, 0)


def test_pairs_that_are_not_finite_need_no_rows():
    gains = np.random.default_rng(0).normal(size=(5, 8))
    groups = [(values(each), values(np.zeros(8))) for each in gains] + [(RowGroups(unknown="nan"), None)]
    found = compare([*gains.mean(1), math.nan], [0.0] * 6, "max", groups=groups)
    assert (found.pairs, found.rows) == (5, judged(gains).rows)


def test_trainings_are_compared_by_their_rows():
    gains = np.random.default_rng(9).normal(size=(4, 8))
    layers = Assignment({"net.1": "relu"})
    asked = [Training(phase="confirmation", label="", assignment=layers, seed=n) for n in range(4)]
    ours = [replace(t, comparison=g.mean(), rows=values(g)) for t, g in zip(asked, gains, strict=True)]
    theirs = [replace(t, comparison=0.0, rows=values(np.zeros(8))) for t in asked]
    found = compare_trainings(ours, theirs, "max")
    assert (found.ci95, found.rows) == (judged(gains).ci95, judged(gains).rows)
    assert compare_trainings(ours, theirs, "max", has_rows=False).rows is None
    raised = [replace(ours[0], state="failed"), *ours[1:]]
    assert compare_trainings(raised, theirs, "max").left_out == 1


def test_one_model_twice_has_nothing_to_say_of_rows():
    assert judged(np.zeros((5, 8))).rows is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("looks", "groups"),
    [((10,), 8), (LOOKS, 8), pytest.param((10,), 32, marks=pytest.mark.long), (LOOKS, 32)],
)
def test_noise_is_called_an_effect_no_more_often_than_by_one_test(kind, case, looks, groups):
    gains = differences(np.random.default_rng(0), kind, (20_000, looks[-1], groups), CASES[case])
    said = decisions(gains, looks)["improved"]
    for side in (-1, 1):
        assert lower_bound(float((said == side).mean()), len(gains)) <= 0.025


@pytest.mark.parametrize("groups", [4, pytest.param(16, marks=pytest.mark.long)])
def test_groups_of_unlike_size_do_not_call_noise_an_effect(groups):
    """Rows that count alike, a hundred of one patient and three of another, count as patients."""
    random = np.random.default_rng(1)
    weights = np.exp(random.normal(size=groups))
    for case in ("rows", "rows alone"):
        said = decisions(differences(random, "normal", (8000, 10, groups), CASES[case]), (10,), weights)
        assert lower_bound(float((said["improved"] > 0).mean()), 8000) <= 0.025
        assert lower_bound(float((said["seeds alone"] > 0).mean()), 8000) > 0.15


def test_given_groups_are_told():
    """Only other groups are more evidence: the summary has to say so."""
    given = [replace(values(each), grouped=True) for each in np.random.default_rng(2).normal(size=(10, 16))]
    zero = replace(values(np.zeros(16)), grouped=True)
    gains = [float(np.mean(each.values)) for each in given]
    found = compare(gains, [0.0] * 10, "max", groups=[(each, zero) for each in given])
    assert rows_of(found).grouped
    assert not rows_of(judged(np.random.default_rng(2).normal(size=(10, 16)))).grouped


def test_seeds_alone_call_noise_an_effect():
    gains = differences(np.random.default_rng(0), "normal", (4000, 10, 16), CASES["rows"])
    said = decisions(gains, (10,))
    assert lower_bound(float((said["seeds alone"] > 0).mean()), 4000) > 0.15
    assert lower_bound(float((said["improved"] > 0).mean()), 4000) <= 0.025


@pytest.mark.slow
def test_the_rule_of_a_confirmation_is_that_of_the_simulation():
    random, spread = np.random.default_rng(4), (1.0, 0.15, 0.5)
    gains = differences(random, "normal", (40, 20, 16), spread) + 0.35
    verdicts, seeds = [], []
    for each in gains:
        for count in LOOKS:
            found = judged(each[:count], looks=LOOKS)
            if found.verdict != NOTHING or is_hopeless(found, LOOKS, count):
                break
        verdicts.append({"improved": 1, "worse": -1}.get(found.verdict, 0))
        seeds.append(count)
    said = decisions(gains, LOOKS)
    assert all(verdicts[n] in (0, side) for n, side in enumerate(said["improved"]))
    assert said["seeds"].tolist() == seeds
    assert len(set(seeds)) == 3


def test_the_short_run_prints_and_keeps_a_row_for_each_law_case_and_effect(capsys, tmp_path):
    script.main(["--short", "--json", str(tmp_path / "rows.json")])
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(CASES) * (len(DRAWN) + 1)
    kept = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert {len(row) for row in kept["rows"]} == {len(kept["columns"])}


def test_the_kept_simulation_holds_the_error_over_all_looks():
    kept = json.loads((ROOT / "docs" / "benchmarks" / "verdict_rows.json").read_text(encoding="utf-8"))
    rows = [dict(zip(kept["columns"], row, strict=True)) for row in kept["rows"]]
    noise = [row for row in rows if row["effect"] == 0 and row["looks"] == "5, 10, 20"]
    assert {(row["values"], row["case"]) for row in noise} == {(law, case) for law in DRAWN for case in CASES}
    assert kept["repetitions"] == 100_000
    for row in noise:
        assert max(float(row["bound"]), float(row["bound of worse"])) <= 0.025


def test_where_rows_are_the_variance_the_first_look_may_spend_nearly_all():
    assert share_of_rows(1.0, 0.0, 5, LOOKS) == share_of_rows(math.nan, 0.0, 5, LOOKS) == 0.0
    assert share_of_rows(1.0, 0.25, 5, LOOKS) == pytest.approx(0.5)  # of 0.25 + 0.25 after 20 seeds
    assert share_of_rows(1e-9, 1.0, 5, LOOKS) == pytest.approx(0.95)
    seeds, rows = levels(LOOKS, 0.95), levels(LOOKS, 0.95, rows=0.95)
    assert seeds[0] > rows[0] > 0.95
    assert rows[0] < 0.96
    assert levels((10,), 0.95, rows=0.95) == (0.95,)


@pytest.mark.slow
def test_interval_and_p_value_agree_at_every_look():
    gains = differences(np.random.default_rng(6), "normal", (20, 10, 16), (0.5, 0.5, 0.5))
    gains += np.random.default_rng(6).choice([0.0, 1.5], (20, 1, 1))
    found = [judged(each[:count], looks=LOOKS) for each in gains for count in (5, 10)]
    assert all((each.p_value <= 0.05) == (each.ci95[0] > 0 or each.ci95[1] < 0) for each in found)
    assert 0 < sum(each.p_value <= 0.05 for each in found) < 40


def test_groups_of_unlike_size_are_less_evidence_than_as_many_alike():
    """One group with nearly all rows is nearly all that is known."""
    gains = differences(np.random.default_rng(6), "normal", (8000, 5, 8), (0.0, 0.4, 0.0))
    sizes = np.array([40.0, 4, 3, 2, 1, 1, 1, 1])
    share = sizes / sizes.sum()
    true = (gains[:, 0] @ share).var()
    _, rows, degrees = variances(gains, sizes)
    assert rows.mean() == pytest.approx(true, rel=0.05)
    assert degrees.max() < 1.5
    assert variances(gains, np.ones(8))[2].max() == pytest.approx(7)
