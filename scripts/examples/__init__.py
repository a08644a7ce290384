"""Experiments behind docs/theory, and applications."""
