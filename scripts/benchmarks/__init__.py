"""Benchmarks: what the kernels, the sampler and the search are worth, and the tables they are measured on."""
