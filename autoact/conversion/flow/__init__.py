"""Flow of values through users' methods: what is returned, multiplied, changed, used for its range."""

from autoact.conversion.flow._data_flow import PART, Made, flow
from autoact.conversion.flow._in_place_changes import ARGUMENT, in_place_changes
from autoact.conversion.flow._range_uses import RangeUse, range_uses

__all__ = ["ARGUMENT", "PART", "Made", "RangeUse", "flow", "in_place_changes", "range_uses"]
