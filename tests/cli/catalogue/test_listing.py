import subprocess
import sys
from pathlib import Path

import pytest

from autoact.cli.catalogue._listing import kept

LIST = "import sys; from autoact.cli import main; main(['list']); print('sympy' in sys.modules)"


def made(calls: list[str]) -> str:
    calls.append("made")
    return "a\nb"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_text_is_made_once() -> None:
    calls: list[str] = []
    assert [kept(lambda: made(calls)) for _ in range(3)] == ["a\nb"] * 3
    assert calls == ["made"]


def test_a_text_that_was_cut_short_or_made_by_other_sources_is_made_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    kept(lambda: made(calls))
    (file,) = (cache / "autoact").iterdir()
    file.write_text("a\n")
    kept(lambda: made(calls))
    monkeypatch.setattr("autoact.cli.catalogue._listing.version", lambda name: "of tomorrow")
    kept(lambda: made(calls))
    assert calls == ["made"] * 3
    assert len(list((cache / "autoact").iterdir())) == 1, "the old one has gone"


def test_a_cache_that_cannot_be_written_is_no_harm(cache: Path) -> None:
    (cache / "autoact").write_text("a file where a folder should be")
    calls: list[str] = []
    assert [kept(lambda: made(calls)) for _ in range(2)] == ["a\nb"] * 2
    assert calls == ["made"] * 2


@pytest.mark.slow
def test_the_second_list_needs_no_formulas() -> None:
    said = [
        subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    first, second = (text.splitlines() for text in said)
    assert first[:-1] == second[:-1]
    assert (first[-1], second[-1]) == ("True", "False")
