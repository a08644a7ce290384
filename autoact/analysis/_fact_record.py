"""Record of all facts of a function."""

from __future__ import annotations

from dataclasses import dataclass

from autoact.analysis import _moments as moments
from autoact.analysis._asymptotics import Growth, growth, limits
from autoact.analysis._extremes import lipschitz, value_range
from autoact.analysis._kinks import kinks, smoothness
from autoact.analysis._subject import Analyzable, Array, subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What can be said about a function φ and pre-activations z.

    Attributes:
        smoothness: Continuous derivatives; infinite for smooth, -1 for a jump, None without formula.
        kinks: Where it is not smooth; None where there is no formula.
        growth: "bounded", "sublinear", "linear" or "superlinear".
        limits: At minus and plus infinity; nan where there is none.
        range: Infimum and supremum.
        lipschitz: Lipschitz constant.
        mean: E[φ].
        second_moment: E[φ²].
        slope_mean: E[φ'].
        slope_moment: E[φ'²].
        gain: 1 / sqrt(E[φ²]).
        gradient_noise: κ = E[φ'²] / E[φ']².
        chi: gain² E[φ'²]: what one layer does to squared gradients.
        variance_map_slope: What one layer does to an error of the variance.

    Example:
        >>> from autoact.analysis import facts
        >>> facts("relu").growth, facts("relu").limits
        ('linear', (0.0, inf))
    """

    smoothness: float | None
    kinks: tuple[float, ...] | None
    growth: Growth
    limits: tuple[float, float]
    range: tuple[float, float]
    lipschitz: float
    mean: float
    second_moment: float
    slope_mean: float
    slope_moment: float
    gain: float
    gradient_noise: float
    chi: float
    variance_map_slope: float

    @property
    def variance(self) -> float:
        """Var[φ]."""
        return max(0.0, self.second_moment - self.mean**2)


def facts(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> Facts:
    """Return every fact of a function under N(mean, std²) or a sample.

    Args:
        act: A name, an Activation, a mapping name -> weight, a layer, an activation module, a SymPy
            expression of one symbol, or an elementwise torch callable.
        mean: Mean of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Measured pre-activations (N,), used instead of the normal distribution.
        **parameters: Parameter values of a single activation.

    Raises:
        ConfigurationError: std <= 0, an empty sample, unknown parameters, or something that is no function.

    Example:
        >>> found = facts("prelu", slope=0.5)
        >>> found.smoothness, found.kinks, round(found.gradient_noise, 6), found.lipschitz
        (0, (0.0,), 1.111111, 1.0)
    """
    of = subject(act, **parameters)
    under = (of, mean, std, sample)
    return Facts(
        smoothness=None if of.opaque else smoothness(of),
        kinks=None if of.opaque else tuple(kinks(of)),
        growth=growth(of),
        limits=limits(of),
        range=value_range(of),
        lipschitz=lipschitz(of),
        mean=moments.mean(*under),
        second_moment=moments.second_moment(*under),
        slope_mean=moments.slope_mean(*under),
        slope_moment=moments.slope_moment(*under),
        gain=moments.gain(*under),
        gradient_noise=moments.gradient_noise(*under),
        chi=moments.chi(of, None, mean, std, sample),
        variance_map_slope=moments.variance_map_slope(*under),
    )
