"""A search in its own process, to be killed: python -m tests.search.killed_search LOG OUT N W [KIND]."""

import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

from autoact import run_search
from autoact.search import guided
from tests.search import scripted
from tests.search.models import SEARCH, CurveData, Watched

if __name__ == "__main__":
    log, out, stop_at, workers, *kind = sys.argv[1:]
    settings = SEARCH
    if kind:  # trainings that pause and go on as planned
        from tests.search.test_rungs import LONG as settings
    data = CurveData(log, str(Path(out) / "assignment.yaml"))
    with patch.object(guided, "next_steps", scripted.next_steps) if kind else nullcontext():
        run_search(
            partial(Watched, log, int(stop_at)),
            data,
            out=out,
            resume=Path(out).exists(),
            workers=int(workers),
            **settings,
        )
