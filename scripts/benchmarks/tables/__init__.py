"""Exhaustive tables of real trainings, and synthetic problems of known truth: to replay on."""

from scripts.benchmarks.tables._landscape import Array, Index, Landscape, Mode, Names, Prior
from scripts.benchmarks.tables._synthetic import (
    SyntheticTable,
    additive,
    adversarial,
    misleading_start,
    planted,
    pure_noise,
)
from scripts.benchmarks.tables._table import SearchTable, normalized_regret

__all__ = [
    "Array",
    "Index",
    "Landscape",
    "Mode",
    "Names",
    "Prior",
    "SearchTable",
    "SyntheticTable",
    "additive",
    "adversarial",
    "misleading_start",
    "normalized_regret",
    "planted",
    "pure_noise",
]
