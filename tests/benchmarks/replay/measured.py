"""A small table of made-up trainings, with a mixture that knows the truth."""

from typing import Literal

import numpy as np

from scripts.benchmarks import tables

NAMES = ("relu", "gelu", "tanh")


def measured(name: str = "measured", mode: Literal["min", "max"] = "min") -> tables.SearchTable:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((3, 3))
    values = truth[..., None] + 0.1 * rng.standard_normal((4, 3, 3, 2))
    return tables.SearchTable(
        name=name,
        layers=("a", "b"),
        candidates=(NAMES, NAMES),
        fractions=(0.25, 1.0),
        selection=values if mode == "min" else -values,
        comparison=values[..., -1],
        mode=mode,
        priors={"exact": tables.Prior(scores=-truth[None], cost=1.0)},
        about={},
    )
