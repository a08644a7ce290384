"""Facts of a function, computed from its expression."""

from autoact.analysis.growth import Growth, growth
from autoact.analysis.kinks import kinks, smoothness
from autoact.analysis.moments import (
    expectation,
    gain,
    gradient_noise,
    mean,
    second_moment,
    slope_moment,
    variance,
)
from autoact.analysis.projection import Projection, distance, normal_quantiles, project
from autoact.analysis.subject import Subject, subject

__all__ = [
    "Growth",
    "Projection",
    "Subject",
    "distance",
    "expectation",
    "gain",
    "gradient_noise",
    "growth",
    "kinks",
    "mean",
    "normal_quantiles",
    "project",
    "second_moment",
    "slope_moment",
    "smoothness",
    "subject",
    "variance",
]
