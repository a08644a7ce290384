"""Searches for two goals on tables of trainings."""
