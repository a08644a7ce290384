"""The example of an invention runs from data to a picture."""

import runpy
import sys
from pathlib import Path

import pytest

from scripts.examples import invent


@pytest.mark.slow
def test_the_short_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["invent.py", "--short", "--out", str(tmp_path)])
    invent.main()
    assert "better on" in capsys.readouterr().out
    assert (tmp_path / "invent.png").stat().st_size > 1000
    assert runpy.run_path(str(tmp_path / "hidden_bump.py"))["LATEX"]
