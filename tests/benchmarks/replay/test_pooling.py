"""Pooling: every strategy costs the same, and what is known is not played again."""

from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks.replay import Regrets, pooling
from scripts.benchmarks.search import known
from tests.benchmarks.replay.measured import measured


def test_no_strategy_costs_more_than_a_search_and_all_baselines_on_all_seeds() -> None:
    costs = {name: pooling.cost(name, lambda _: measured()) for name in pooling.STRATEGIES}
    assert costs["unseen"] == 20  # its selection is not counted
    assert costs["pooled, 1 each"] == 20 + 3 * (3 + 1)
    assert costs["raced"] == 20 + 3 + 2 + 2 * 3


@pytest.mark.slow
def test_medians_are_shown_with_what_a_pool_adds(tmp_path: Path, capsys) -> None:
    measured(name="small").save(tmp_path / "small.npz")
    kept = tmp_path / "kept.json"
    one = "raced"
    options = ["--tables", str(tmp_path), "--short", "--workers", "1", "--json", str(kept)]
    assert pooling.main([*options, "--strategies", f"unseen;{one}"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert f"| {one} |" in shown[0]
    assert shown[2].startswith("| small |  | ")  # TPE was not asked for
    assert "[" in shown[2]
    assert [line.split(" |")[0] for line in shown[-2:]] == ["| **of development**", "| **all**"]
    assert set(known(str(kept))["small"]) == {"unseen", one}
    assert known(str(kept))["small"][one].costs == (31.0,)
    assert pooling.main([*options, "--strategies", one]) == 0
    assert capsys.readouterr() == ("\n".join(shown) + "\n", "")  # nothing was played again


def test_a_folder_without_tables_is_named(tmp_path: Path, capsys) -> None:
    assert pooling.main(["--tables", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_sums_over_all_tables_are_those_of_both_groups() -> None:
    values = {"unseen": 0.4, "raced": 0.2, "raced, no finalists": 0.1, "TPE, best trial": 0.5}

    def game(times: float) -> dict[str, Regrets]:
        return {name: Regrets((20.0,), np.full((9, 1), times * one)) for name, one in values.items()}

    shown = pooling.together({"a": game(1.0), "held out: b": game(3.0)}).splitlines()
    assert shown[-1].startswith("| **all** | 0.80 [0.80, 0.80] | 0.80 | 0.40 [0.40, 0.40] | 0.40 | ")
    assert len(shown) == 5
