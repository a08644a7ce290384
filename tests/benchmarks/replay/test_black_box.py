"""Black box: a run by the public interface sees the game's seeds in turn, and what was played is kept."""

from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks.replay import Game, black_box, uniform_assignments
from scripts.benchmarks.search import known
from tests.benchmarks.replay.measured import measured


@pytest.mark.slow
def test_what_a_run_chooses_is_a_choice_of_the_table_and_depends_on_the_seed_alone() -> None:
    table = measured(name="small")
    first, again = (black_box.run(Game(table, 3), [4.0])[4.0] for _ in range(2))
    assert first == again
    assert table.regret(first) <= 1


@pytest.mark.slow
def test_medians_and_sums_are_shown_and_nothing_is_played_again(tmp_path: Path, capsys) -> None:
    measured(name="small").save(tmp_path / "small.npz")
    kept = tmp_path / "kept.json"
    options = ["--tables", str(tmp_path), "--short", "--workers", "1", "--budget", "2", "--json", str(kept)]
    assert black_box.main(options) == 0
    shown = capsys.readouterr().out.splitlines()
    values = known(str(kept))["small"][black_box.OWN].values
    assert np.isfinite(values).all()
    assert f"| small | {values[0, 0]:.2f} |" in "\n".join(shown)
    assert black_box.main(options) == 0
    assert "run_search, " not in capsys.readouterr().out  # nothing was played again


def test_a_folder_without_tables_is_named(tmp_path: Path, capsys) -> None:
    assert black_box.main(["--tables", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_tpe_that_is_given_the_baselines_begins_with_their_means(monkeypatch) -> None:
    table = measured(name="small")
    told = {}

    def picked(game, study, trials, recommended):
        told.update({tuple(trial.params.values()): trial.value for trial in study.trials})
        return {20.0: (0, 0)}

    monkeypatch.setattr(black_box, "picks", picked)
    black_box.tpe_given(Game(table, 3), [20.0])
    paired = Game(table, 3, paired=True)
    assert set(told) == set(uniform_assignments(table))
    for names, value in told.items():
        assert value == pytest.approx(np.mean([paired.value(paired.index(names), run) for run in range(3)]))
