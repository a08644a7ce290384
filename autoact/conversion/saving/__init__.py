"""Saving of chosen activations: one entry of the state_dict names those that a model got."""

from autoact.conversion.saving._carriers import carry, is_in_place, named, shed
from autoact.conversion.saving._entry import KEY, decoded, differs, encoded

__all__ = ["KEY", "carry", "decoded", "differs", "encoded", "is_in_place", "named", "shed"]
