"""Verdicts: problems whose answer is known, and how often looks at noise mislead."""
