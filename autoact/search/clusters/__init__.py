"""Clusters: trainings on other machines, or wherever an executor of the user's own takes them."""

from autoact.search.clusters._chosen import Place, place_for
from autoact.search.clusters._cluster import ClusterGoneError

__all__ = ["ClusterGoneError", "Place", "place_for"]
