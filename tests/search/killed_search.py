"""A search in its own process: python -m tests.search.killed_search LOG OUT N W [SETTINGS].

One worker kills itself in training N; of several, all stay in the trainings that they do then.
"""

import json
import sys
from functools import partial
from pathlib import Path

from autoact import run_search
from tests.search.models import SEARCH, CurveData, Watched

if __name__ == "__main__":
    log, out, stop_at, workers, *more = sys.argv[1:]
    run_search(
        partial(Watched, log, int(stop_at), "kill" if workers == "1" else "hold"),
        CurveData(log, str(Path(out) / "assignment.yaml")),
        out=out,
        resume=Path(out).exists(),
        workers=int(workers),
        **{**SEARCH, **json.loads("".join(more) or "{}")},
    )
