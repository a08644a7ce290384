"""Pictures of pages: what is missing is told in one line."""

from pathlib import Path

import pytest

from scripts import draw_pages


def test_without_a_report_nothing_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"There is no .*; nothing was drawn"):
        draw_pages.main([str(tmp_path), "--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
