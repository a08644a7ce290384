"""Problems of many kinds in families: inputs, and a target of numbers or classes, made from a seed or bundled.

None has data or the generating function of a table in docs/benchmarks/tables: those judge the experience.
"""

import gzip
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Problem = tuple[
    Numbers, NDArray[np.generic]
]  # inputs (rows, D); classes (rows,) or numbers (rows,), (rows, T)
ROWS = 2000


def _draw(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 15])


def _uniform(seed: int, inputs: int, low: float = 0.0, high: float = 1.0) -> Numbers:
    return _draw(seed).uniform(low, high, (ROWS, inputs))


def _noisy(values: Numbers, part: float, seed: int) -> Numbers:
    """Add noise whose s.d. is a part of that of the values."""
    return values + part * values.std(axis=0) * _draw(seed + 1000).standard_normal(values.shape)


# simulators: formulas of engineering that emulators are compared on (Surjanovic and Bingham 2013)


def borehole() -> Problem:
    """Flow of water through a borehole."""
    low = np.array([0.05, 100, 63070, 990, 63.1, 700, 1120, 9855])
    high = np.array([0.15, 50000, 115600, 1110, 116, 820, 1680, 12045])
    x = _uniform(1, 8)
    rw, r, tu, hu, tl, hl, length, kw = (low + (high - low) * x).T
    ratio = np.log(r / rw)
    return x, 2 * np.pi * tu * (hu - hl) / (ratio * (1 + 2 * length * tu / (ratio * rw**2 * kw) + tu / tl))


def piston() -> Problem:
    """Cycle time of a piston."""
    low = np.array([30, 0.005, 0.002, 1000, 90000, 290, 340])
    high = np.array([60, 0.020, 0.010, 5000, 110000, 296, 360])
    x = _uniform(2, 7)
    m, s, v0, k, p0, ta, t0 = (low + (high - low) * x).T
    a = p0 * s + 19.62 * m - k * v0 / s
    v = s / (2 * k) * (np.sqrt(a**2 + 4 * k * p0 * v0 * ta / t0) - a)
    return x, 2 * np.pi * np.sqrt(m / (k + s**2 * p0 * v0 * ta / (t0 * v**2)))


def circuit() -> Problem:
    """Midpoint voltage of a push-pull circuit without transformer."""
    low, high = np.array([50, 25, 0.5, 1.2, 0.25, 50]), np.array([150, 70, 3, 2.5, 1.2, 300])
    x = _uniform(3, 6)
    b1, b2, f, c1, c2, beta = (low + (high - low) * x).T
    vb, gain = 12 * b2 / (b1 + b2), beta * (c2 + 9)
    return x, _noisy(
        (vb + 0.74) * gain / (gain + f) + 11.35 * f / (gain + f) + 0.74 * f * gain / ((gain + f) * c1), 0.2, 3
    )


# mechanics


def robot_arm() -> Problem:
    """Distance that an arm of four joints reaches."""
    x = _uniform(4, 8)
    angles, lengths = np.cumsum(2 * np.pi * x[:, :4], axis=1), x[:, 4:]
    return x, np.hypot((lengths * np.cos(angles)).sum(1), (lengths * np.sin(angles)).sum(1))


def inverse_arm() -> Problem:
    """Joint angles of a planar arm from where its hand is."""
    angles = _uniform(5, 2, 0.2, 2.8)
    bent = angles.sum(axis=1)
    hand = np.stack([np.cos(angles[:, 0]) + np.cos(bent), np.sin(angles[:, 0]) + np.sin(bent)], axis=1)
    return hand, angles


def kepler() -> Problem:
    """Eccentric anomaly from mean anomaly and eccentricity."""
    x = _uniform(6, 2) * [2 * np.pi, 0.95]
    found = x[:, 0].copy()
    for _ in range(60):
        found -= (found - x[:, 1] * np.sin(found) - x[:, 0]) / (1 - x[:, 1] * np.cos(found) + 1e-9)
        found = np.clip(found, 0, 2 * np.pi)
    return x, found - x[:, 0]


def double_pendulum() -> Problem:
    """Angular accelerations of a double pendulum."""
    x = _uniform(7, 4, -2, 2)
    a, b, va, vb = x.T
    apart, mass = a - b, 3 - np.cos(2 * a - 2 * b)
    first = (
        -29.43 * np.sin(a) - 9.81 * np.sin(a - 2 * b) - 2 * np.sin(apart) * (vb**2 + va**2 * np.cos(apart))
    )
    second = 2 * np.sin(apart) * (2 * va**2 + 19.62 * np.cos(a) + vb**2 * np.cos(apart))
    return x, np.stack([first / mass, second / mass], axis=1)


# oscillating


def waves() -> Problem:
    """Sum of plane waves in two dimensions."""
    x, draw = _uniform(8, 2, -1, 1), _draw(8)
    return x, np.sin(x @ draw.normal(0, 4, (2, 6)) + draw.uniform(0, 6, 6)).sum(axis=1)


def chirp() -> Problem:
    """Wave of growing frequency, with noise."""
    x = _uniform(9, 1)
    return x, _noisy(np.sin(30 * x[:, 0] ** 2), 0.2, 9)


def product_wave() -> Problem:
    """Product of sines and cosines of four inputs."""
    x = _uniform(10, 4, -1, 1)
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
    x, draw = _uniform(11, 5, -1, 1), _draw(11)
    return x, _noisy(_leaves(x, draw, 4, draw.standard_normal), 0.1, 11)


def tree_classes() -> Problem:
    """Random tree of depth 5 with three classes, a tenth of them wrong."""
    x, draw = _uniform(12, 6, -1, 1), _draw(12)
    classes = _leaves(x, draw, 5, lambda: float(draw.integers(3))).astype(int)
    wrong = draw.random(ROWS) < 0.1
    return x, np.where(wrong, draw.integers(3, size=ROWS), classes)


def staircase() -> Problem:
    """Steps of one input, a slope of another."""
    x = _uniform(13, 3, -2, 2)
    return x, np.floor(2 * x[:, 0]) + x[:, 1] * (x[:, 2] > 0)


# solutions of partial differential equations


def heat() -> Problem:
    """Temperature of a rod at a place and time."""
    x, draw = _uniform(14, 2), _draw(14)
    modes, sizes = np.arange(1, 7), draw.standard_normal(6)
    parts = np.sin(np.pi * modes * x[:, :1]) * np.exp(-0.05 * (np.pi * modes) ** 2 * x[:, 1:])
    return x, parts @ sizes


def shock() -> Problem:
    """Traveling shock of Burgers' equation, by place, time and viscosity."""
    x = _uniform(15, 3, -1, 1)
    return x, 0.5 - 0.5 * np.tanh((x[:, 0] - 0.5 * x[:, 1]) / (0.08 + 0.06 * x[:, 2]))


def poisson_operator() -> Problem:
    """Potential at eight places from eight charges."""
    x, places = _draw(16).standard_normal((ROWS, 8)), np.linspace(0.1, 0.9, 8)
    green = np.minimum.outer(places, places) * (1 - np.maximum.outer(places, places))
    inside = x @ green
    return x, inside + 2 * inside**3  # of a medium that answers nonlinearly


def vortex() -> Problem:
    """Velocity of a fluid with four vortices."""
    x, draw = _uniform(17, 2, -1, 1), _draw(17)
    away = x[:, None] - draw.uniform(-0.8, 0.8, (4, 2))
    speed = draw.choice([-1, 1], 4) / (0.05 + np.square(away).sum(axis=2))
    return x, np.stack([-(speed * away[..., 1]).sum(1), (speed * away[..., 0]).sum(1)], axis=1)


# piecewise linear, and networks as teachers


def max_affine() -> Problem:
    """Convex function: the largest of twelve planes."""
    x, draw = _draw(18).standard_normal((ROWS, 6)), _draw(19)
    return x, _noisy((x @ draw.standard_normal((6, 12)) + draw.standard_normal(12)).max(axis=1), 0.1, 18)


def absolute() -> Problem:
    """Absolute values of random combinations, which cross zero all over."""
    x, draw = _draw(20).standard_normal((ROWS, 4)), _draw(21)
    return x, np.abs(x @ draw.standard_normal((4, 5))) @ draw.standard_normal(5)


def relu_teacher() -> Problem:
    """Three outputs of a network of rectifiers."""
    x, draw = _draw(22).standard_normal((ROWS, 8)), _draw(23)
    hidden = np.maximum(x @ draw.standard_normal((8, 16)), 0) @ draw.standard_normal((16, 16)) / 4
    return x, np.maximum(hidden, 0) @ draw.standard_normal((16, 3))


def tanh_teacher() -> Problem:
    """Class by a network of hyperbolic tangents."""
    x, draw = _draw(24).standard_normal((ROWS, 8)), _draw(25)
    hidden = np.tanh(np.tanh(x @ draw.standard_normal((8, 16))) @ draw.standard_normal((16, 16)) / 2)
    return x, _noisy(hidden @ draw.standard_normal((16, 4)), 0.3, 24).argmax(axis=1)


# noisy tables


def sparse_linear() -> Problem:
    """Three of fifteen inputs, linear, half noise."""
    x = _draw(26).standard_normal((ROWS, 15))
    return x, _noisy(x[:, 0] + 0.7 * x[:, 1] - 0.5 * x[:, 2], 1.0, 26)


def polynomial() -> Problem:
    """Sparse polynomial of the third degree, with noise."""
    x = _draw(27).standard_normal((ROWS, 8))
    return x, _noisy(x[:, 0] * x[:, 1] - x[:, 2] ** 2 + 0.5 * x[:, 3] * x[:, 4] * x[:, 5], 0.4, 27)


def counts() -> Problem:
    """Logarithm of counts whose rate is multiplicative."""
    draw = _draw(28)
    x = draw.standard_normal((ROWS, 6))
    rate = np.exp(0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.5 * np.sin(2 * x[:, 2]))
    return x, np.log1p(draw.poisson(2 * rate))


def heavy_tails() -> Problem:
    """Skewed inputs, errors with heavy tails."""
    draw = _draw(29)
    x = np.exp(draw.standard_normal((ROWS, 6)))
    return x, np.sqrt(x[:, 0] * x[:, 1]) + np.log(x[:, 2] + x[:, 3]) + 0.2 * draw.standard_t(3, ROWS)


# classes in the plane


def moons() -> Problem:
    """Two half moons."""
    from sklearn.datasets import make_moons

    return make_moons(ROWS, noise=0.25, random_state=0)  # type: ignore[no-any-return]


def rings() -> Problem:
    """Four rings in two classes."""
    draw = _draw(30)
    ring = draw.integers(4, size=ROWS)
    angle, radius = draw.uniform(0, 2 * np.pi, ROWS), 0.5 + ring / 2 + draw.normal(0, 0.12, ROWS)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), ring % 2


def checkerboard() -> Problem:
    """Checkerboard of 4 x 4 fields."""
    x = _uniform(31, 2, -2, 2)
    return x, np.floor(x).sum(axis=1).astype(int) % 2


# classes in many dimensions


def shell() -> Problem:
    """Whether a normal vector of ten is long (Hastie, Tibshirani and Friedman 2009)."""
    x = _draw(33).standard_normal((ROWS, 10))
    return x, (np.square(x).sum(axis=1) > 9.34).astype(int)


def quadrics() -> Problem:
    """Four classes by which of four quadratic forms is largest."""
    x, draw = _draw(34).standard_normal((ROWS, 6)), _draw(35)
    forms = draw.standard_normal((4, 6, 6))
    return x, np.einsum("ni,kij,nj->nk", x, forms, x).argmax(axis=1)


def waveforms() -> Problem:
    """Mixtures of two of three triangular waves, at 21 places (Breiman et al. 1984)."""
    draw, places = _draw(36), np.arange(21)
    bases = np.maximum(6 - np.abs(places - np.array([[10], [6], [14]])), 0)
    classes, part = draw.integers(3, size=ROWS), draw.random((ROWS, 1))
    return part * bases[classes] + (1 - part) * bases[(classes + 1) % 3] + draw.standard_normal(
        (ROWS, 21)
    ), classes


# boolean functions and counting


def parity() -> Problem:
    """Parity of four of ten bits."""
    x = _draw(37).integers(2, size=(ROWS, 10)).astype(float)
    return x, x[:, :4].sum(axis=1).astype(int) % 2


def multiplexer() -> Problem:
    """Which of eight bits three others point to."""
    x = _draw(38).integers(2, size=(ROWS, 11)).astype(float)
    return x, x[np.arange(ROWS), 3 + (x[:, :3] @ [1, 2, 4]).astype(int)].astype(int)


def modular() -> Problem:
    """Sum modulo 5 of two numbers, each among ten and one-hot, with one bit that is noise."""
    numbers = _draw(39).integers(10, size=(ROWS, 2))
    return np.hstack([*np.eye(10)[numbers.T], _uniform(39, 4)]), numbers.sum(axis=1) % 5


def segments() -> Problem:
    """Digits of a display with seven segments, each wrong in a tenth of cases (Breiman et al. 1984)."""
    lit = "1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011".split()
    classes = _draw(40).integers(10, size=ROWS)
    bits = np.array([[int(bit) for bit in row] for row in lit])[classes]
    return np.where(_draw(41).random(bits.shape) < 0.1, 1 - bits, bits).astype(float), classes


# dynamics and signals


def mackey_glass() -> Problem:
    """Value of the Mackey-Glass series six steps on, from eight before."""
    series = [1.2] * 18
    for _ in range(ROWS + 200):
        series.append(series[-1] + 0.2 * series[-18] / (1 + series[-18] ** 10) - 0.1 * series[-1])
    values = np.array(series[100:])
    x = np.lib.stride_tricks.sliding_window_view(values, 8 * 3)[: ROWS - 30, ::3]
    return x, values[24 + 5 :][: len(x)]


def lorenz() -> Problem:
    """State of the Lorenz system a fifth of a second later."""
    state = _draw(42).normal([0, 0, 25], [8, 8, 8], (ROWS, 3))
    step, now = 0.002, state.copy()
    for _ in range(100):
        a, b, c = now.T
        now = now + step * np.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], axis=1)
    return state, now


def frequencies() -> Problem:
    """Which of six frequencies a noisy wave of any phase has, from 20 samples."""
    draw = _draw(43)
    classes, phase = draw.integers(6, size=ROWS), draw.uniform(0, 2 * np.pi, (ROWS, 1))
    wave = np.sin((0.4 + 0.15 * classes[:, None]) * np.arange(20) + phase)
    return wave + draw.normal(0, 0.6, wave.shape), classes


def eeg() -> Problem:
    """Next value of an electroencephalogram from sixteen before."""
    values = np.fromfile(_sample("eeg.dat"), dtype=float).reshape(-1, 4)[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(values, 17)[:2400]
    return windows[:, :16], windows[:, 16]


# autoencoding


def bumps() -> Problem:
    """Two bumps on 16 places, from and to themselves."""
    centers, places = _uniform(44, 2, 0, 15), np.arange(16)
    x = np.exp(-0.25 * np.square(centers[..., None] - places)).sum(axis=1)
    return x, x


def bars() -> Problem:
    """Crossing bars on 5 x 5 fields, with noise; the target is without."""
    lit = (_draw(45).random((ROWS, 10)) < 0.2).astype(float)
    clean = np.maximum(lit[:, :5, None], lit[:, None, 5:]).reshape(ROWS, 25)
    return _noisy(clean, 0.6, 45), clean


def swiss_roll() -> Problem:
    """Rolled-up sheet in ten dimensions; the target is the sheet."""
    sheet, draw = _uniform(46, 2), _draw(46)
    angle = 1.5 * np.pi * (1 + 2 * sheet[:, 0])
    rolled = np.stack([angle * np.cos(angle), 12 * sheet[:, 1], angle * np.sin(angle)], axis=1)
    return rolled @ draw.standard_normal((3, 10)) + draw.normal(0, 1, (ROWS, 10)), sheet


# photographs and maps


def _photo(name: str) -> Numbers:
    from sklearn.datasets import load_sample_image

    return load_sample_image(name).astype(float) / 255


def _patches(image: Numbers, side: int, seed: int) -> Numbers:
    corner = _draw(seed).integers([[n - side] for n in image.shape[:2]], size=(2, ROWS)).T
    return np.stack([image[i : i + side, j : j + side].ravel() for i, j in corner])


def temple() -> Problem:
    """Color of a photograph by place."""
    image = _photo("china.jpg")[40:360:4, 100:500:4]
    x = _uniform(47, 2)
    rows, columns = (x * image.shape[:2]).astype(int).T
    return x, image[rows, columns]


def temple_patches() -> Problem:
    """Patches of 5 x 5 pixels, from and to themselves."""
    x = _patches(_photo("china.jpg").mean(axis=2), 5, 48)
    return x, x


def flower_middle() -> Problem:
    """Pixel in the middle of a patch, from those around it with noise."""
    x = _patches(_photo("flower.jpg")[:, :, 0], 5, 49)
    return _noisy(np.delete(x, 12, axis=1), 0.4, 49), x[:, 12]


def flower_colors() -> Problem:
    """Red from green and blue, over a photograph."""
    x = _patches(_photo("flower.jpg"), 1, 50)
    return x[:, 1:], x[:, 0]


def terrain() -> Problem:
    """Height of land by place."""
    heights = np.load(_sample("jacksboro_fault_dem.npz"))["elevation"].astype(float)
    x = _uniform(51, 2)
    rows, columns = (x * np.array(heights.shape) * 0.4).astype(int).T
    return x, heights[rows, columns]


def sea_or_land() -> Problem:
    """Whether a place lies below the sea, and how high it lies in classes."""
    stored = np.load(_sample("topobathy.npz"))
    heights = stored["topo"].astype(float)
    x = _uniform(52, 2)
    rows, columns = (x * heights.shape).astype(int).T
    found = heights[rows, columns]
    return x, np.digitize(found, np.quantile(found, [0.25, 0.5, 0.75]))


def brain() -> Problem:
    """Brightness of a slice through a head by place."""
    with gzip.open(_sample("s1045.ima.gz")) as file:
        image = np.frombuffer(file.read(), np.uint16).astype(float).reshape(256, 256)
    x = _uniform(53, 2)
    rows, columns = (60 + x * 136).astype(int).T
    return x, image[rows, columns]


# small tables of measurements


def cancer() -> Problem:
    """Malignant or benign, from 30 measures of cells."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)  # type: ignore[no-any-return]


def cancer_texture() -> Problem:
    """Worst concavity of cells from the other kinds of measures."""
    from sklearn.datasets import load_breast_cancer

    x = load_breast_cancer(return_X_y=True)[0]
    kept = [i for i in range(30) if i % 10 not in (5, 6, 7)]
    return x[:, kept], x[:, 26]


def cultivars() -> Problem:
    """Cultivar of Italian wines (not the wines of the other tables), from their chemistry."""
    from sklearn.datasets import load_wine

    return load_wine(return_X_y=True)  # type: ignore[no-any-return]


def iris() -> Problem:
    """Width of petals from other measures and the species."""
    from sklearn.datasets import load_iris

    x, species = load_iris(return_X_y=True)
    return np.hstack([x[:, :3], np.eye(3)[species]]), x[:, 3]


def _sample(name: str) -> Path:
    import matplotlib

    return Path(matplotlib.__file__).parent / "mpl-data" / "sample_data" / name


FAMILIES: Mapping[str, tuple[Callable[[], Problem], ...]] = {
    "simulators": (borehole, piston, circuit),
    "mechanics": (robot_arm, inverse_arm, kepler, double_pendulum),
    "waves": (waves, chirp, product_wave),
    "steps": (tree_regression, tree_classes, staircase),
    "equations": (heat, shock, poisson_operator, vortex),
    "teachers": (max_affine, absolute, relu_teacher, tanh_teacher),
    "noisy": (sparse_linear, polynomial, counts, heavy_tails),
    "plane": (moons, rings, checkerboard),
    "high dimensions": (shell, quadrics, waveforms),
    "boolean": (parity, multiplexer, modular, segments),
    "dynamics": (mackey_glass, lorenz, frequencies, eeg),
    "autoencoding": (bumps, bars, swiss_roll),
    "photographs": (temple, temple_patches, flower_middle, flower_colors),
    "maps": (terrain, sea_or_land, brain),
    "measurements": (cancer, cancer_texture, cultivars, iris),
}
PROBLEMS = {problem.__name__: problem for problem in itertools.chain(*FAMILIES.values())}
