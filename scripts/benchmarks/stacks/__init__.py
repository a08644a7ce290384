"""Stacks of trainings, timed."""
