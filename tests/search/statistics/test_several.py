"""P values of several comparisons: Holm's correction keeps the error of all together."""

import math

import numpy as np
import pytest

from autoact.search.statistics import holm


def test_the_correction_is_holms() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_is_unknown_counts_and_is_never_significant() -> None:
    assert holm([0.02, math.nan]) == [0.04, 1.0]


def test_of_true_hypotheses_one_is_rejected_in_5_percent_of_the_families() -> None:
    families = np.random.default_rng(0).random((2000, 6))
    rejected = np.mean([min(holm(family.tolist())) <= 0.05 for family in families])
    assert 0.04 < rejected < 0.06
