"""Cheap trainings that score every assignment: the designs that `priors.py` compares.

A design trains one network whose activations are mixtures, or change from step to step, and returns scores,
higher is better: one per layer and candidate, or one per assignment.
"""

from scripts.benchmarks.designs._bilevel import bilevel, hypergradient
from scripts.benchmarks.designs._catalogue import DESIGNS
from scripts.benchmarks.designs._joint import Design, Outcome, by_selection, joint
from scripts.benchmarks.designs._mixtures import Mixed, auto
from scripts.benchmarks.designs._one_shot import one_shot
from scripts.benchmarks.designs._readouts import READOUTS
from scripts.benchmarks.designs._relaxations import Relax, entmax15, gumbel, shrinking, softmax, sparsemax

__all__ = [
    "DESIGNS",
    "READOUTS",
    "Design",
    "Mixed",
    "Outcome",
    "Relax",
    "auto",
    "bilevel",
    "by_selection",
    "entmax15",
    "gumbel",
    "hypergradient",
    "joint",
    "one_shot",
    "shrinking",
    "softmax",
    "sparsemax",
]
