"""A ranking in a process of its own, to be killed: python -m tests.ranking.killed_ranking OUT WORKERS."""

import sys

from autoact.ranking import rank_activations
from tests.ranking.watched import curve, this_process_ranks

if __name__ == "__main__":
    this_process_ranks()
    out, workers = sys.argv[1:]
    rank_activations(
        ["gelu"], out=out, tasks=[curve], against=["tanh"], seeds=2, workers=int(workers), quiet=True
    )
