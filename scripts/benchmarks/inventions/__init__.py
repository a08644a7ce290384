"""Inventions on real tasks: found by shape or by evolution, and compared with what is registered."""

from scripts.benchmarks.inventions._comparison import Standing, half_width, holm, standings
from scripts.benchmarks.inventions._ways import WAYS, Found, register, scorer

__all__ = ["WAYS", "Found", "Standing", "half_width", "holm", "register", "scorer", "standings"]
