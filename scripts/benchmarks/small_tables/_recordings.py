"""Problems that are recordings: dynamics, signals, images, maps, measurements that libraries ship."""

from pathlib import Path

import numpy as np

from scripts.benchmarks.small_tables._drawn import ROWS, Numbers, Problem, drawing, noisy, uniform

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
    state = drawing(42).normal([0, 0, 25], [8, 8, 8], (ROWS, 3))
    step, now = 0.002, state.copy()
    for _ in range(100):
        a, b, c = now.T
        now = now + step * np.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], axis=1)
    return state, now


def frequencies() -> Problem:
    """Which of six frequencies a noisy wave of any phase has, from 20 samples."""
    draw = drawing(43)
    classes, phase = draw.integers(6, size=ROWS), draw.uniform(0, 2 * np.pi, (ROWS, 1))
    wave = np.sin((0.4 + 0.15 * classes[:, None]) * np.arange(20) + phase)
    return wave + draw.normal(0, 0.6, wave.shape), classes


# autoencoding


def bumps() -> Problem:
    """Two bumps on 16 places, from and to themselves."""
    centers, places = uniform(44, 2, 0, 15), np.arange(16)
    x = np.exp(-0.25 * np.square(centers[..., None] - places)).sum(axis=1)
    return x, x


def bars() -> Problem:
    """Crossing bars on 5 x 5 fields, with noise; the target is without."""
    lit = (drawing(45).random((ROWS, 10)) < 0.2).astype(float)
    clean = np.maximum(lit[:, :5, None], lit[:, None, 5:]).reshape(ROWS, 25)
    return noisy(clean, 0.6, 45), clean


# photographs and maps


def _photo(name: str) -> Numbers:
    from sklearn.datasets import load_sample_image

    return load_sample_image(name).astype(float) / 255


def _patches(image: Numbers, side: int, seed: int) -> Numbers:
    corner = drawing(seed).integers([[n - side] for n in image.shape[:2]], size=(2, ROWS)).T
    return np.stack([image[i : i + side, j : j + side].ravel() for i, j in corner])


def temple() -> Problem:
    """Color of a photograph by place."""
    image = _photo("china.jpg")[40:360:4, 100:500:4]
    x = uniform(47, 2)
    rows, columns = (x * image.shape[:2]).astype(int).T
    return x, image[rows, columns]


def temple_patches() -> Problem:
    """Patches of 5 x 5 pixels, from and to themselves."""
    x = _patches(_photo("china.jpg").mean(axis=2), 5, 48)
    return x, x


def terrain() -> Problem:
    """Height of land by place."""
    heights = np.load(_sample("jacksboro_fault_dem.npz"))["elevation"].astype(float)
    x = uniform(51, 2)
    rows, columns = (x * np.array(heights.shape) * 0.4).astype(int).T
    return x, heights[rows, columns]


def sea_or_land() -> Problem:
    """Whether a place lies below the sea, and how high it lies in classes."""
    stored = np.load(_sample("topobathy.npz"))
    heights = stored["topo"].astype(float)
    x = uniform(52, 2)
    rows, columns = (x * heights.shape).astype(int).T
    found = heights[rows, columns]
    return x, np.digitize(found, np.quantile(found, [0.25, 0.5, 0.75]))


# small tables of measurements


def cancer() -> Problem:
    """Malignant or benign, from 30 measures of cells."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


def cancer_texture() -> Problem:
    """Worst concavity of cells from the other kinds of measures."""
    from sklearn.datasets import load_breast_cancer

    x = load_breast_cancer(return_X_y=True)[0]
    kept = [i for i in range(30) if i % 10 not in (5, 6, 7)]
    return x[:, kept], x[:, 26]


def _sample(name: str) -> Path:
    import matplotlib

    return Path(matplotlib.__file__).parent / "mpl-data" / "sample_data" / name
