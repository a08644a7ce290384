"""Clusters: trainings on other machines, or wherever an executor of the user's own takes them."""

from autoact.search.clusters._chosen import TrainingPlace, place_for
from autoact.search.clusters._cluster import ClusterGoneError

__all__ = ["ClusterGoneError", "TrainingPlace", "place_for"]
