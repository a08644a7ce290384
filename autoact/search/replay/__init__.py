"""Replays of search strategies on tables: what each would have found, at what cost."""
