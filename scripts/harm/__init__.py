"""Harms to running searches, and what has to hold after each; `scripts/torture.py` does all of them."""
