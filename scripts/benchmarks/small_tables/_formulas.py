"""Problems that are formulas of their inputs: engineering, mechanics, waves, steps, equations."""

from collections.abc import Callable

import numpy as np

from scripts.benchmarks.small_tables._drawn import ROWS, Numbers, Problem, drawing, noisy, uniform

# simulators: formulas of engineering that emulators are compared on (Surjanovic and Bingham 2013)


def borehole() -> Problem:
    """Flow of water through a borehole."""
    low = np.array([0.05, 100, 63070, 990, 63.1, 700, 1120, 9855])
    high = np.array([0.15, 50000, 115600, 1110, 116, 820, 1680, 12045])
    x = uniform(1, 8)
    rw, r, tu, hu, tl, hl, length, kw = (low + (high - low) * x).T
    ratio = np.log(r / rw)
    return x, 2 * np.pi * tu * (hu - hl) / (ratio * (1 + 2 * length * tu / (ratio * rw**2 * kw) + tu / tl))


def piston() -> Problem:
    """Cycle time of a piston."""
    low = np.array([30, 0.005, 0.002, 1000, 90000, 290, 340])
    high = np.array([60, 0.020, 0.010, 5000, 110000, 296, 360])
    x = uniform(2, 7)
    m, s, v0, k, p0, ta, t0 = (low + (high - low) * x).T
    a = p0 * s + 19.62 * m - k * v0 / s
    v = s / (2 * k) * (np.sqrt(a**2 + 4 * k * p0 * v0 * ta / t0) - a)
    return x, 2 * np.pi * np.sqrt(m / (k + s**2 * p0 * v0 * ta / (t0 * v**2)))


def circuit() -> Problem:
    """Midpoint voltage of a push-pull circuit without transformer."""
    low, high = np.array([50, 25, 0.5, 1.2, 0.25, 50]), np.array([150, 70, 3, 2.5, 1.2, 300])
    x = uniform(3, 6)
    b1, b2, f, c1, c2, beta = (low + (high - low) * x).T
    vb, gain = 12 * b2 / (b1 + b2), beta * (c2 + 9)
    return x, noisy(
        (vb + 0.74) * gain / (gain + f) + 11.35 * f / (gain + f) + 0.74 * f * gain / ((gain + f) * c1), 0.2, 3
    )


# mechanics


def robot_arm() -> Problem:
    """Distance that an arm of four joints reaches."""
    x = uniform(4, 8)
    angles, lengths = np.cumsum(2 * np.pi * x[:, :4], axis=1), x[:, 4:]
    return x, np.hypot((lengths * np.cos(angles)).sum(1), (lengths * np.sin(angles)).sum(1))


def inverse_arm() -> Problem:
    """Joint angles of a planar arm from where its hand is."""
    angles = uniform(5, 2, 0.2, 2.8)
    bent = angles.sum(axis=1)
    hand = np.stack([np.cos(angles[:, 0]) + np.cos(bent), np.sin(angles[:, 0]) + np.sin(bent)], axis=1)
    return hand, angles


def kepler() -> Problem:
    """Eccentric anomaly from mean anomaly and eccentricity."""
    x = uniform(6, 2) * [2 * np.pi, 0.95]
    found = x[:, 0].copy()
    for _ in range(60):
        found -= (found - x[:, 1] * np.sin(found) - x[:, 0]) / (1 - x[:, 1] * np.cos(found) + 1e-9)
        found = np.clip(found, 0, 2 * np.pi)
    return x, found - x[:, 0]


# oscillating


def waves() -> Problem:
    """Sum of plane waves in two dimensions."""
    x, draw = uniform(8, 2, -1, 1), drawing(8)
    return x, np.sin(x @ draw.normal(0, 4, (2, 6)) + draw.uniform(0, 6, 6)).sum(axis=1)


def chirp() -> Problem:
    """Wave of growing frequency, with noise."""
    x = uniform(9, 1)
    return x, noisy(np.sin(30 * x[:, 0] ** 2), 0.2, 9)


def product_wave() -> Problem:
    """Product of sines and cosines of four inputs."""
    x = uniform(10, 4, -1, 1)
    return x, np.sin(3 * x[:, 0]) * np.cos(2 * x[:, 1]) + np.sin(4 * x[:, 2] * x[:, 3])


# steps


def _leaves(x: Numbers, draw: np.random.Generator, depth: int, value: Callable[[], float]) -> Numbers:
    """Cut a box at random again and again; every part has one value."""
    if depth == 0 or len(x) < 2:
        return np.full(len(x), value())
    column = draw.integers(x.shape[1])
    left = x[:, column] < np.quantile(x[:, column], draw.uniform(0.25, 0.75))
    found = np.empty(len(x))
    found[left] = _leaves(x[left], draw, depth - 1, value)
    found[~left] = _leaves(x[~left], draw, depth - 1, value)
    return found


def tree_regression() -> Problem:
    """Random regression tree of depth 4."""
    x, draw = uniform(11, 5, -1, 1), drawing(11)
    return x, noisy(_leaves(x, draw, 4, draw.standard_normal), 0.1, 11)


def tree_classes() -> Problem:
    """Random tree of depth 5 with three classes, a tenth of them wrong."""
    x, draw = uniform(12, 6, -1, 1), drawing(12)
    classes = _leaves(x, draw, 5, lambda: float(draw.integers(3))).astype(int)
    wrong = draw.random(ROWS) < 0.1
    return x, np.where(wrong, draw.integers(3, size=ROWS), classes)


def staircase() -> Problem:
    """Steps of one input, a slope of another."""
    x = uniform(13, 3, -2, 2)
    return x, np.floor(2 * x[:, 0]) + x[:, 1] * (x[:, 2] > 0)


# solutions of partial differential equations


def heat() -> Problem:
    """Temperature of a rod at a place and time."""
    x, draw = uniform(14, 2), drawing(14)
    modes, sizes = np.arange(1, 7), draw.standard_normal(6)
    parts = np.sin(np.pi * modes * x[:, :1]) * np.exp(-0.05 * (np.pi * modes) ** 2 * x[:, 1:])
    return x, parts @ sizes


def shock() -> Problem:
    """Traveling shock of Burgers' equation, by place, time and viscosity."""
    x = uniform(15, 3, -1, 1)
    return x, 0.5 - 0.5 * np.tanh((x[:, 0] - 0.5 * x[:, 1]) / (0.08 + 0.06 * x[:, 2]))


def poisson_operator() -> Problem:
    """Potential at eight places from eight charges."""
    x, places = drawing(16).standard_normal((ROWS, 8)), np.linspace(0.1, 0.9, 8)
    green = np.minimum.outer(places, places) * (1 - np.maximum.outer(places, places))
    inside = x @ green
    return x, inside + 2 * inside**3  # of a medium that answers nonlinearly
