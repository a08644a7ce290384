"""Price of a run: what it is measured on, and with."""

from scripts.benchmarks.price._arithmetic import arithmetic
from scripts.benchmarks.price._bare import train_bare
from scripts.benchmarks.price._cases import CASES, Case, wine
from scripts.benchmarks.price._meter import BARE, Meter, clock, metered

__all__ = ["BARE", "CASES", "Case", "Meter", "arithmetic", "clock", "metered", "train_bare", "wine"]
