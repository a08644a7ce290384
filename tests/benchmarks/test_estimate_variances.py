"""What a search expects of a new problem is what a script finds on the tables, not somebody's taste."""

import pytest

from autoact.search.optimizer._gaussian_process import EXPECTED
from scripts.benchmarks import estimate_variances


def test_expected_variances_are_near_what_the_script_estimates(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its short mode sees half as many rounds and a quarter of the trainings: within a factor of 3."""
    estimate_variances.main(["--short"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    found = {row[0].removeprefix("| "): float(row[1]) for row in rows}
    assert set(found) == set(EXPECTED) - estimate_variances.UNSEEN
    for name, value in found.items():
        assert EXPECTED[name] / 3 <= value <= EXPECTED[name] * 3, name
