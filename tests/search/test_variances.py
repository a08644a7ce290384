"""What a search expects of a new problem is what a script finds on the tables, not somebody's taste."""

from importlib import import_module
from pathlib import Path

import pytest

from autoact.search.optimizer._gaussian_process import EXPECTED, PRIOR

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def test_expected_variances_are_near_what_the_script_estimates(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its short mode sees half as many rounds and a quarter of the trainings: within a factor of 3."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import_module("estimate_variances").main(["--short"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    found = {row[0].removeprefix("| "): float(row[1]) for row in rows}
    assert set(found) == set(EXPECTED) - {PRIOR}
    for name, value in found.items():
        assert EXPECTED[name] / 3 <= value <= EXPECTED[name] * 3, name
