"""Several comparisons at once: p values corrected for their number."""

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    r"""Correct p values so that with probability 1 - α no true hypothesis among all is rejected at α.

    $\tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1)\, p_{(j)})$ of the m values in ascending order.

    Args:
        p_values: Of all comparisons that are looked at together, however they depend on each other; NaN,
            where nothing is known, counts as 1.

    Returns:
        The corrected values, in the same order.

    Reference:
        Holm 1979, Scandinavian Journal of Statistics 6.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    known = [1.0 if math.isnan(p) else p for p in p_values]
    corrected, largest = [1.0] * len(known), 0.0
    for place, number in enumerate(sorted(range(len(known)), key=known.__getitem__)):
        largest = max(largest, min(1.0, (len(known) - place) * known[number]))
        corrected[number] = largest
    return corrected
