"""Recognition of functions by what they compute: which may be tried, and which activation they are."""

from autoact.conversion.recognition._grid import LIBRARIES, computed, computed_by, takes_one_tensor
from autoact.conversion.recognition._purity import is_pure

__all__ = ["LIBRARIES", "computed", "computed_by", "is_pure", "takes_one_tensor"]
