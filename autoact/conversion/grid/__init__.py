"""Grid of inputs on which functions are recognized, and which functions may be tried on it."""

from autoact.conversion.grid._grid import computed, computed_by, takes_one_tensor
from autoact.conversion.grid._purity import LIBRARIES, is_pure

__all__ = ["LIBRARIES", "computed", "computed_by", "is_pure", "takes_one_tensor"]
