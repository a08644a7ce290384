"""What a threshold takes from a mixture, and the script's short run."""

import numpy as np
import pytest

from scripts.benchmarks import keeping


def test_a_layer_takes_the_nearest_only_where_the_original_is_far():
    far = np.array([[0.3, 0.1, 0.5], [0.6, 0.7, 0.2], [0.0, 0.1, 0.2]])
    assert keeping.taken(far, 0, 0.0) == (1, 2, 0)
    assert keeping.taken(far, 0, 0.4) == (0, 2, 0)
    assert keeping.taken(far, 0, 0.6) == (0, 0, 0)


@pytest.mark.slow
def test_the_last_threshold_of_digits_is_the_original(capsys):
    keeping.main(["--short"])
    head, _, row, mean = capsys.readouterr().out.strip().splitlines()
    assert head.count("|") == row.count("|") == len(keeping.THRESHOLDS) + 2
    assert row.startswith("| digits |")
    assert mean == row.replace("| digits |", "| mean, tables |")
