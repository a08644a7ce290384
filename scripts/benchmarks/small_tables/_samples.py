"""Problems that are random samples: networks as teachers, noisy tables, classes, boolean functions."""

import numpy as np

from scripts.benchmarks.small_tables._drawn import ROWS, Problem, drawing, noisy, uniform

# piecewise linear, and networks as teachers


def max_affine() -> Problem:
    """Convex function: the largest of twelve planes."""
    x, draw = drawing(18).standard_normal((ROWS, 6)), drawing(19)
    return x, noisy((x @ draw.standard_normal((6, 12)) + draw.standard_normal(12)).max(axis=1), 0.1, 18)


def absolute() -> Problem:
    """Absolute values of random combinations, which cross zero all over."""
    x, draw = drawing(20).standard_normal((ROWS, 4)), drawing(21)
    return x, np.abs(x @ draw.standard_normal((4, 5))) @ draw.standard_normal(5)


def relu_teacher() -> Problem:
    """Three outputs of a network of rectifiers."""
    x, draw = drawing(22).standard_normal((ROWS, 8)), drawing(23)
    hidden = np.maximum(x @ draw.standard_normal((8, 16)), 0) @ draw.standard_normal((16, 16)) / 4
    return x, np.maximum(hidden, 0) @ draw.standard_normal((16, 3))


# noisy tables


def sparse_linear() -> Problem:
    """Three of fifteen inputs, linear, half noise."""
    x = drawing(26).standard_normal((ROWS, 15))
    return x, noisy(x[:, 0] + 0.7 * x[:, 1] - 0.5 * x[:, 2], 1.0, 26)


def polynomial() -> Problem:
    """Sparse polynomial of the third degree, with noise."""
    x = drawing(27).standard_normal((ROWS, 8))
    return x, noisy(x[:, 0] * x[:, 1] - x[:, 2] ** 2 + 0.5 * x[:, 3] * x[:, 4] * x[:, 5], 0.4, 27)


def counts() -> Problem:
    """Logarithm of counts whose rate is multiplicative."""
    draw = drawing(28)
    x = draw.standard_normal((ROWS, 6))
    rate = np.exp(0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.5 * np.sin(2 * x[:, 2]))
    return x, np.log1p(draw.poisson(2 * rate))


# classes in the plane


def moons() -> Problem:
    """Two half moons."""
    from sklearn.datasets import make_moons

    return make_moons(ROWS, noise=0.25, random_state=0)


def rings() -> Problem:
    """Four rings in two classes."""
    draw = drawing(30)
    ring = draw.integers(4, size=ROWS)
    angle, radius = draw.uniform(0, 2 * np.pi, ROWS), 0.5 + ring / 2 + draw.normal(0, 0.12, ROWS)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), ring % 2


def checkerboard() -> Problem:
    """Checkerboard of 4 x 4 fields."""
    x = uniform(31, 2, -2, 2)
    return x, np.floor(x).sum(axis=1).astype(int) % 2


# classes in many dimensions


def shell() -> Problem:
    """Whether a normal vector of ten is long (Hastie, Tibshirani and Friedman 2009)."""
    x = drawing(33).standard_normal((ROWS, 10))
    return x, (np.square(x).sum(axis=1) > 9.34).astype(int)


def quadrics() -> Problem:
    """Four classes by which of four quadratic forms is largest."""
    x, draw = drawing(34).standard_normal((ROWS, 6)), drawing(35)
    forms = draw.standard_normal((4, 6, 6))
    return x, np.einsum("ni,kij,nj->nk", x, forms, x).argmax(axis=1)


def waveforms() -> Problem:
    """Mixtures of two of three triangular waves, at 21 places (Breiman et al. 1984)."""
    draw, places = drawing(36), np.arange(21)
    bases = np.maximum(6 - np.abs(places - np.array([[10], [6], [14]])), 0)
    classes, part = draw.integers(3, size=ROWS), draw.random((ROWS, 1))
    return part * bases[classes] + (1 - part) * bases[(classes + 1) % 3] + draw.standard_normal(
        (ROWS, 21)
    ), classes


# boolean functions and counting


def parity() -> Problem:
    """Parity of four of ten bits."""
    x = drawing(37).integers(2, size=(ROWS, 10)).astype(float)
    return x, x[:, :4].sum(axis=1).astype(int) % 2


def multiplexer() -> Problem:
    """Which of eight bits three others point to."""
    x = drawing(38).integers(2, size=(ROWS, 11)).astype(float)
    return x, x[np.arange(ROWS), 3 + (x[:, :3] @ [1, 2, 4]).astype(int)].astype(int)


def modular() -> Problem:
    """Sum modulo 5 of two numbers, each among ten and one-hot, with one bit that is noise."""
    numbers = drawing(39).integers(10, size=(ROWS, 2))
    return np.hstack([*np.eye(10)[numbers.T], uniform(39, 4)]), numbers.sum(axis=1) % 5
