"""Bounds on the number of regions that a layer can have."""

from math import comb

from autoact.errors import ConfigurationError


def zaslavsky_bound(m: int, d: int, *, kinks: int = 1, central: bool = False) -> int:
    """Return the largest number of regions that m neurons can cut d-dimensional space into.

    The sum of C(m, k) · kinks^k over k <= d, reached in general position; for hyperplanes through one point
    2 · the sum of C(m - 1, k) over k < d.

    Args:
        m: Neurons, >= 0.
        d: Inputs, >= 0.
        kinks: Hyperplanes per neuron, parallel to each other: 1 for ReLU, 2 for hardtanh and ReLU6.
        central: Whether all hyperplanes pass through one point, as without biases.

    Returns:
        An exact integer of any size.

    Raises:
        ConfigurationError: Something that is no count, or several kinks through one point.

    Example:
        >>> zaslavsky_bound(4, 2), zaslavsky_bound(4, 2, kinks=2), zaslavsky_bound(4, 2, central=True)
        (11, 33, 8)
    """
    for name, value in {"m": m, "d": d, "kinks": kinks}.items():
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
            raise ConfigurationError(f"{name}={value!r} is no count. Give a whole number of at least 0.")
    m, d, kinks = int(m), int(d), int(kinks)
    if not central:
        return sum(comb(m, k) * kinks**k for k in range(min(m, d) + 1))
    if kinks != 1:
        raise ConfigurationError(
            f"central=True with kinks={kinks}: hyperplanes of one neuron are parallel and share no point."
        )
    return 2 * sum(comb(m - 1, k) for k in range(min(m, d))) if m and d else 1
