"""The script that watches memory tells growth from what is flat, and runs."""

import pytest

from autoact.search.executors._watchdog import can_tell_memory
from scripts.benchmarks.load import memory


def test_growth_is_told_from_what_comes_first() -> None:
    flat = [(done, 100.0 + 400.0 * (done >= 10)) for done in range(100)]  # loaded at the beginning
    assert abs(memory.growth(flat)) < 1e-9
    growing = [(done, megabytes + 0.2 * done) for done, megabytes in flat]
    assert memory.growth(growing) == pytest.approx(0.2)
    assert memory.row("search", growing) == ["search", "99", "502", "510", "518", "520", "200.0"]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(not can_tell_memory(), reason="memory is told by /proc")
def test_one_line_per_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert memory.main(["--short", "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| search |") for line in lines)
