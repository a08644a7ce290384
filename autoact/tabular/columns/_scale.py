"""Scale of numbers: a common size that outliers cannot spoil."""

from dataclasses import dataclass

import numpy as np

from autoact.tabular.files import Floats

_LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Center on the median, divide by the spread of the middle half, and bend smoothly into (-3, 3).

    z / sqrt(1 + (z/3)^2), as in RealMLP (Holzmüller et al. 2024, arXiv:2407.04491): about z in the middle,
    never beyond 3. A missing number is the median, hence 0; an infinite one is 3 or -3.
    """

    center: float
    unit: float

    @classmethod
    def of(cls, numbers: Floats) -> "Scale":
        """Measure the finite ones of some numbers.

        Example:
            >>> Scale.of(np.array([1.0, 2.0, 3.0, np.nan, 1e300]))
            Scale(center=2.5, unit=...)
        """
        finite = numbers[np.isfinite(numbers)]
        if finite.size == 0:
            return cls(0.0, 1.0)
        # of an eighth, because a quantile lies between two numbers whose difference may be too large
        low, center, high = (8 * float(q) for q in np.quantile(finite / 8, [0.25, 0.5, 0.75]))
        spread = (high / 2 - low / 2) * 2 / 1.349  # so that a normal's spread is its standard deviation
        if not 0 < spread < np.inf:  # more than half are equal, or too large for their difference
            spread = float(finite.max() / 2 - finite.min() / 2)
        return cls(center, spread if 0 < spread < np.inf else 1.0)

    def __call__(self, numbers: Floats) -> Floats:
        """Return the scaled numbers; missing ones as 0."""
        with np.errstate(over="ignore"):
            z = np.nan_to_num((numbers - self.center) / self.unit, nan=0.0, posinf=1e150, neginf=-1e150)
            z = np.clip(z, -1e150, 1e150)
            return z / np.sqrt(1 + (z / _LIMIT) ** 2)
