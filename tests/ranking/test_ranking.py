"""Ranks, differences and tables of trainings that are made up."""

import json
import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from autoact.ranking import Ranking, TaskRanking, ranks
from autoact.records import Training, plain
from autoact.search.statistics import holm
from autoact.spaces import Assignment

SEEDS = tuple(range(6))
NOISE = np.array([0.01, -0.02, 0.03, -0.01, 0.02, -0.03])


def trained(name: str, selection: float, comparison: np.ndarray) -> list[Training]:
    return [
        Training(
            phase="confirmation",
            label=name,
            assignment=Assignment({"a": name}),
            seed=seed,
            state="finished" if math.isfinite(value) else "diverged",
            selection=selection if math.isfinite(value) else math.nan,
            comparison=float(value),
        )
        for seed, value in zip(SEEDS, comparison, strict=True)
    ]


def task(name: str, gain: float) -> TaskRanking:
    """A task on which tanh betters ReLU by `gain`; gelu is the best on comparison rows alone."""
    relu = 1.0 + NOISE
    wild = np.where(np.arange(6) == 2, np.nan, 0.2)
    return TaskRanking(
        name=name,
        metric="val_loss",
        mode="min",
        own=("tanh",),
        trainings={
            "tanh": trained("tanh", 0.9, relu - gain - NOISE[::-1] / 10),
            "relu": trained("relu", 1.0, relu),
            "elu": trained("elu", 0.8, 1.0 - NOISE),
            "gelu": trained("gelu", 1.2, relu - 0.3),
            "exp": trained("exp", 0.1, wild),
        },
    )


@pytest.fixture
def ranking() -> Ranking:
    return Ranking(own=("tanh",), tasks=(task("first", 0.1), task("second_one", 0.0)), seeds=SEEDS)


def test_ranks_are_shared_and_what_diverged_is_last() -> None:
    assert ranks(np.array([3.0, np.nan, 1.0, 3.0])).tolist() == [2.5, 4.0, 1.0, 2.5]
    assert ranks(np.array([[0.1, 0.9]]), "max").tolist() == [[2.0, 1.0]]


def test_the_best_of_the_others_is_chosen_on_selection_rows(ranking: Ranking) -> None:
    assert ranking.tasks[0].best == "elu"


def test_a_difference_is_a_paired_t_test_with_holms_correction(ranking: Ranking) -> None:
    tests = []
    for each in ranking.tasks:
        values = {name: np.array(found) for name, found in each.values.items()}
        tests += [ttest_rel(values[other], values["tanh"]) for other in ("relu", "elu")]
    corrected = holm([found.pvalue for found in tests])
    assert [p for _, p in ranking.claims.values()] == pytest.approx(corrected)
    comparison, shows = ranking.difference("first", "tanh")
    interval = tests[0].confidence_interval()
    assert comparison.ci95 == pytest.approx((interval.low, interval.high))
    assert shows == "better"
    assert ranking.difference("second_one", "tanh")[1] == ""
    assert set(ranking.others) == {
        (each, name, "relu") for each in ("first", "second_one") for name in ("elu", "gelu", "exp")
    }


def test_what_an_interval_alone_would_call_better_may_be_chance_among_many() -> None:
    gains = np.array([0.09, 0.02, 0.05, 0.03, 0.08, 0.01])
    made = task("many", 0.0)
    relu = np.array(made.values["relu"])
    own = {f"x{n}": trained("tanh", 0.9, relu - gains * (n == 0) - NOISE[::-1] * (n > 0)) for n in range(9)}
    found = Ranking(
        own=tuple(own),
        tasks=(
            TaskRanking(
                name="many",
                metric="m",
                mode="min",
                own=tuple(own),
                trainings={**own, "relu": made.trainings["relu"]},
            ),
        ),
        seeds=SEEDS,
    )
    comparison, shows = found.difference("many", "x0")
    assert comparison.verdict == "improved"
    assert shows == ""


def test_mean_ranks_have_intervals_over_seeds(ranking: Ranking) -> None:
    by_seed = np.mean([each.ranks["tanh"] for each in ranking.tasks], axis=0)
    mean, half = ranking.ranks["tanh"]
    assert mean == pytest.approx(by_seed.mean())
    assert half == pytest.approx(2.5705818 * by_seed.std(ddof=1) / math.sqrt(6))
    assert list(ranking.ranks) == sorted(ranking.ranks, key=lambda name: ranking.ranks[name][0])


def test_a_terminal_shows_what_is_more_than_chance(ranking: Ranking) -> None:
    said = ranking.text()
    assert "tanh: mean rank" in said
    assert "Holm's correction for 4 comparisons" in said
    (first,) = (line for line in said.splitlines() if line.startswith("first "))
    assert first.split()[:3] == ["first", "val_loss", f"{np.mean(ranking.tasks[0].values['tanh']):.4f}"]
    assert "+0.1000" in first
    assert " *" in first
    assert "1 diverged" in next(line for line in said.splitlines() if line.startswith("exp"))
    assert next(line for line in said.splitlines() if line.startswith("tanh <"))


def test_a_paper_has_bold_only_what_is_more_than_chance(ranking: Ranking) -> None:
    made = ranking.latex()
    assert made.count(r"\toprule") == 2
    assert r"second\_one" in made
    bold = [line for line in made.splitlines() if r"\mathbf{+0.1000" in line]
    assert len(bold) == 2
    assert not any(r"\mathbf{-" in line for line in made.splitlines())
    rows = [line for line in made.splitlines() if line.startswith(r"\texttt")]
    assert len(rows) == 5
    assert {line.count("&") for line in rows} == {3}


def test_the_json_has_every_value(ranking: Ranking) -> None:
    found = json.loads(json.dumps(plain(ranking.to_dict())))
    assert found["comparisons"] == 4
    assert found["tasks"][0]["values"]["relu"] == pytest.approx((1.0 + NOISE).tolist())
    assert len(found["tasks"][0]["differences"]) == 5
    assert found["failures"] == []


def test_trainings_that_raised_are_named_and_count_for_nothing() -> None:
    made = task("first", 0.1)
    broken = Training(
        phase="confirmation",
        label="tanh",
        assignment=Assignment({"a": "tanh"}),
        seed=0,
        state="failed",
        error="OSError: no disk",
        comparison=math.nan,
    )
    trainings = {**made.trainings, "tanh": [broken, *made.trainings["tanh"][1:]]}
    each = TaskRanking(name="first", metric="m", mode="min", own=("tanh",), trainings=trainings)
    found = Ranking(own=("tanh",), tasks=(each,), seeds=SEEDS)
    assert found.failures == {("first", "tanh"): "OSError: no disk"}
    assert found.difference("first", "tanh")[0].pairs == 5
    assert "first: tanh failed: OSError: no disk" in found.text()
