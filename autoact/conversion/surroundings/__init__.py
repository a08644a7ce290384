"""Surroundings of a model's activations: their roles, and what changes in place beside them."""

from autoact.conversion.surroundings._neighbors import Neighbors, neighbors
from autoact.conversion.surroundings._roles import Roles, roles

__all__ = ["Neighbors", "Roles", "neighbors", "roles"]
