"""Pooling: every strategy costs the same, and what is known is not played again."""

from pathlib import Path

import pytest

from scripts.benchmarks.replay import pooling
from scripts.benchmarks.search import known
from tests.benchmarks.replay.measured import measured


def test_the_total_is_what_a_run_costs_before_the_confirmation() -> None:
    assert pooling.total(lambda _: measured()) == 20 + 3 * (3 + 1)


@pytest.mark.slow
def test_medians_are_shown_with_what_a_pool_adds(tmp_path: Path, capsys) -> None:
    measured(name="small").save(tmp_path / "small.npz")
    kept = tmp_path / "kept.json"
    one = "pooled, raced, after 10 trials"
    options = ["--tables", str(tmp_path), "--short", "--workers", "1", "--json", str(kept)]
    assert pooling.main([*options, "--strategies", f"unseen;{one}"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert f"| {one} |" in shown[0]
    assert shown[2].startswith("| small |  | ")  # TPE was not asked for
    assert "[" in shown[2]
    assert set(known(str(kept))["small"]) == {"unseen", one}
    assert known(str(kept))["small"][one].costs == (32.0,)
    assert pooling.main([*options, "--strategies", one]) == 0
    assert capsys.readouterr() == ("\n".join(shown) + "\n", "")  # nothing was played again


def test_a_folder_without_tables_is_named(tmp_path: Path, capsys) -> None:
    assert pooling.main(["--tables", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
