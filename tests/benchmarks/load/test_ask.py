"""The script that times asks runs."""

import pytest

from scripts.benchmarks.load import ask


def test_one_line_per_space(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask.main(["--short", "--running", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(ask.SIZES)
