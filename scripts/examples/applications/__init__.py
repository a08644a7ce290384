"""Worked problems with a verdict, and experiments behind docs/theory."""
