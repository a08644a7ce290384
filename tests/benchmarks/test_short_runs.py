"""Short runs write beside what whole runs have written, and never into docs/."""

import re
from pathlib import Path

import pytest

from scripts import terminal
from scripts.benchmarks import learning_rates
from scripts.benchmarks.small_tables import build

DOCS = terminal.ROOT / "docs"
SCRIPTS = sorted((terminal.ROOT / "scripts").rglob("*.py"))
_WRITES_NOTHING = ("compile_time", "terminal")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_written_into_docs_by_default_is_written_elsewhere_by_a_short_run() -> None:
    parser = terminal.parser("Draw.", short="less", out=terminal.PICTURES)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--tables", type=Path, default=terminal.TABLES)
    given = ["--json", str(DOCS / "benchmarks" / "search.json")]
    short, whole = parser.parse_args(["--short", *given]), parser.parse_args(given)
    assert (whole.out, whole.json) == (terminal.PICTURES, DOCS / "benchmarks" / "search.json")
    assert (short.out, short.json) == (Path("runs/short/pictures"), Path("runs/short/search.json"))
    assert short.json.parent.is_dir()
    assert short.tables == terminal.TABLES  # is read
    assert parser.parse_args(["--short", "--out", "mine"]).out == Path("mine")


def test_what_goes_on_where_it_was_has_a_folder_of_its_own_for_short_runs() -> None:
    parser = terminal.parser("Train.", short="less", out=build.OUT)
    kept = {words: terminal.kept_in(parser.parse_args(words.split())) for words in ("", "--short")}
    assert kept == {"": build.OUT, "--short": Path("runs/short/small")}
    mine = parser.parse_args(["--short", "--out", "mine"])
    assert terminal.kept_in(mine) == Path("mine/short")


def test_the_table_of_learning_rates_is_not_that_of_a_short_run() -> None:
    assert learning_rates.parsed(["--short"]).table == Path("runs/short/learning_rates.npz")
    assert learning_rates.parsed([]).table == learning_rates.FILE


def test_no_script_that_writes_has_a_short_run_but_by_the_parser_of_all() -> None:
    own = {path.stem for path in SCRIPTS if re.search(r"add_argument\(\s*\"--short", path.read_text())}
    assert own == set(_WRITES_NOTHING)
