"""Random inputs and noise of problems, each from a seed."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Problem = tuple[
    Numbers, NDArray[np.generic]
]  # inputs (rows, D); classes (rows,), or numbers (rows,), (rows, T)
ROWS = 2000


def drawing(seed: int) -> np.random.Generator:
    """Return what a problem's random parts are drawn from."""
    return np.random.default_rng([seed, 15])


def uniform(seed: int, inputs: int, low: float = 0.0, high: float = 1.0) -> Numbers:
    """Return uniform inputs, (ROWS, inputs)."""
    return drawing(seed).uniform(low, high, (ROWS, inputs))


def noisy(values: Numbers, part: float, seed: int) -> Numbers:
    """Add noise whose s.d. is a part of that of the values."""
    noise = drawing(seed + 1000).standard_normal(values.shape)
    return np.asarray(values + part * values.std(axis=0) * noise)
