"""Optimizer of assignments: a Gaussian process over them, and a sampler for anybody's Optuna study on it."""

from autoact.search.optimizer._sampler import FunctionSpaceSampler
from autoact.search.optimizer._timing import seconds_per_ask

__all__ = ["FunctionSpaceSampler", "seconds_per_ask"]
