"""Exhaustive tables of real trainings, and synthetic problems of known truth: to replay on."""

from autoact.search.tables.landscape import Landscape, Prior
from autoact.search.tables.synthetic import (
    SyntheticTable,
    additive,
    adversarial,
    misleading_start,
    planted,
    pure_noise,
)
from autoact.search.tables.table import SearchTable

__all__ = [
    "Landscape",
    "Prior",
    "SearchTable",
    "SyntheticTable",
    "additive",
    "adversarial",
    "misleading_start",
    "planted",
    "pure_noise",
]
