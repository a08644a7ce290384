"""Facts of a function: moments, smoothness, range, growth and distances, computed from its expression."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.analysis._asymptotics import Growth, growth, limits
from autoact.analysis._extremes import lipschitz, value_range
from autoact.analysis._fact_record import Facts, facts
from autoact.analysis._kinks import kinks, smoothness
from autoact.analysis._moments import (
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
from autoact.analysis._pieces import Pieces, linear_pieces
from autoact.analysis._projection import TIE, Projection, distance, normal_quantiles, project
from autoact.analysis._quadrature import expectation
from autoact.analysis._subject import Analyzable, Subject, channel_subjects, subject

__all__ = [
    "TIE",
    "Analyzable",
    "Facts",
    "Growth",
    "Pieces",
    "Projection",
    "Subject",
    "channel_subjects",
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

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
