"""Facts of a function, computed from its expression."""

from autoact.analysis.extremes import lipschitz, value_range
from autoact.analysis.facts import Facts, facts
from autoact.analysis.far import Growth, growth, limits
from autoact.analysis.kinks import kinks, smoothness
from autoact.analysis.moments import (
    chi,
    gain,
    gradient_noise,
    mean,
    second_moment,
    slope_mean,
    slope_moment,
    variance,
    variance_map_slope,
)
from autoact.analysis.pieces import Pieces, linear_pieces
from autoact.analysis.projection import Projection, distance, normal_quantiles, project
from autoact.analysis.quadrature import expectation
from autoact.analysis.subject import Subject, subject

__all__ = [
    "Facts",
    "Growth",
    "Pieces",
    "Projection",
    "Subject",
    "chi",
    "distance",
    "expectation",
    "facts",
    "gain",
    "gradient_noise",
    "growth",
    "kinks",
    "limits",
    "linear_pieces",
    "lipschitz",
    "mean",
    "normal_quantiles",
    "project",
    "second_moment",
    "slope_mean",
    "slope_moment",
    "smoothness",
    "subject",
    "value_range",
    "variance",
    "variance_map_slope",
]
