"""Finalists: every way of choosing among them costs the same, and a run's is that of the replayed search."""

from pathlib import Path
from unittest.mock import patch

import optuna
import pytest

from scripts.benchmarks.replay import Game, Search
from scripts.benchmarks.replay import _study as replay_study
from scripts.benchmarks.selection import finalists
from tests.benchmarks.replay.measured import measured

TABLE = measured()


@pytest.fixture(scope="module")
def played() -> tuple[dict[str, float], list[tuple[str, ...]]]:
    told: list[tuple[str, ...]] = []

    def tell(study: optuna.Study, game: Game, names: tuple[str, ...], seed: int) -> None:
        told.append(names)
        replay_study.tell(study, game, names, seed)

    with patch.object(finalists, "tell", tell), patch.object(finalists, "BUDGET", 12.0):
        regrets = finalists.regrets(lambda _: TABLE, 0)
    return dict(zip(finalists.WAYS, regrets, strict=True)), told


def test_every_way_trains_as_many_finalists_a_third_of_them_uniform(played) -> None:
    _, told = played
    assert len(told) == 3 * 6  # two on three seeds, or half of what is left on each: 3, 2, 1
    assert told[:6] == told[:2] * 3
    for first in (6, 12):
        assert len(set(told[first : first + 3])) == 3
        assert any(len(set(names)) == 1 for names in told[first : first + 3])


def test_a_run_is_the_search_that_is_replayed_and_what_it_could_know_bounds_it(played) -> None:
    known, _ = played
    run = Search(baselines=2, first=10, raced=True, selection=3, seeds=3)
    game = Game(TABLE, 0, paired=True)
    cost = 12.0 + run.paid(game)
    assert TABLE.regret(run(game, [cost])[cost]) == known[finalists.RUN]
    assert known[finalists.TRAINED] <= known[finalists.FINALIST] <= known[finalists.RUN]


@pytest.mark.slow
def test_medians_and_differences_are_shown(tmp_path: Path, capsys) -> None:
    TABLE.save(tmp_path / "small.npz")
    assert finalists.main(["--tables", str(tmp_path), "--short", "--workers", "1"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("| table | as a run | halved, a third uniform |")
    assert [line.split(" |")[0] for line in shown[2:]] == ["| **of development**", "| small"]
    assert finalists.main(["--tables", str(tmp_path / "none")]) == 2
