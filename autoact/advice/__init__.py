"""Which activations suit a problem: what is known about it, its data, and computed facts."""

from autoact.advice.advising import Advice, Candidate, advise
from autoact.advice.evidence import Evidence
from autoact.advice.needs import Needs

__all__ = ["Advice", "Candidate", "Evidence", "Needs", "advise"]
