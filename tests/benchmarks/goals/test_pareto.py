"""Two goals on tables: what is measured of a front, and that what was played is not played again."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks.goals import pareto
from tests.benchmarks.replay.measured import measured


def test_the_true_front_of_a_table_is_all_that_can_be_had() -> None:
    table = measured(name="small")
    costs = {name: float(place) for place, name in enumerate(pareto.activations({"small": lambda _: table}))}
    ends, best = pareto.highest(table, costs), pareto.possible(table, costs)
    assert 0 < best <= 1
    for index, regret in np.ndenumerate(table.regrets):
        names = [own[i] for own, i in zip(table.candidates, index, strict=True)]
        point = (pareto.share(names, costs, ends), float(regret))
        assert 0 <= point[0] <= 1
        assert pareto.area([point]) == pareto.as_believed([point]) <= best + 1e-12
    assert pareto.area([]) == pareto.as_believed([]) == 0


def test_a_model_that_is_believed_to_be_better_and_is_not_costs_something() -> None:
    points = [(0.0, 0.5), (0.5, 0.75)]
    assert (pareto.area(points), pareto.as_believed(points)) == (0.5, 0.375)


@pytest.mark.slow
def test_every_strategy_plays_and_nothing_is_played_again(tmp_path: Path, capsys) -> None:
    measured(name="small").save(tmp_path / "small.npz")
    kept = tmp_path / "kept.json"
    options = ["--tables", str(tmp_path), "--short", "--workers", "1", "--json", str(kept)]
    assert pareto.main(options) == 0
    shown = capsys.readouterr()
    played = json.loads(kept.read_text())
    assert list(played["games"]["small"]) == list(pareto.STRATEGIES)
    assert min(played["costs"].values()) > 0
    values = np.array(list(played["games"]["small"].values()))  # strategies, games, numbers, measures
    assert values.shape == (len(pareto.STRATEGIES), 2, 1, 3)
    assert (values[..., 1] <= values[..., 0] + 1e-3).all()
    assert f"| random | {values[4, :, 0, 0].mean():.3f} |" in shown.out
    assert pareto.main(options) == 0
    again = capsys.readouterr()
    assert again.out == shown.out
    assert not again.err


def test_a_folder_without_tables_is_named(tmp_path: Path, capsys) -> None:
    assert pareto.main(["--tables", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
