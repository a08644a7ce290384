"""Searching assignments jointly: a surrogate over them, and a sampler for anybody's Optuna study on it."""

from autoact.search.optimizer._sampler import FunctionSpaceSampler

__all__ = ["FunctionSpaceSampler"]
