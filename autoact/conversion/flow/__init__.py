"""Flow of values through users' methods: what is returned, multiplied, or changed in place."""

from autoact.conversion.flow._data_flow import PART, Made, flow
from autoact.conversion.flow._in_place_changes import ARGUMENT, in_place_changes

__all__ = ["ARGUMENT", "PART", "Made", "flow", "in_place_changes"]
