"""Searching assignments jointly in anybody's Optuna study: the surrogate and the sampler on it."""
