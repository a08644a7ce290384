"""A ranking in a process of its own, to be killed: python -m tests.ranking.killed_ranking OUT WORKERS."""

import sys

from autoact.ranking import rank_activations
from tests.ranking.watched import curve, this_process_ranks

if __name__ == "__main__":
    this_process_ranks()
    how = {"against": ["tanh"], "seeds": 2, "quiet": True}
    rank_activations(["gelu"], out=sys.argv[1], tasks=[curve], workers=int(sys.argv[2]), **how)
