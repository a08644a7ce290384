"""Run every case of the suite, and write docs/what-works.md: PYTHONPATH=. python -m tests.search.suite."""

import logging
import tempfile
import warnings
from pathlib import Path

from tests.search.suite import page
from tests.search.suite.outcomes import Outcome, in_search, outcome, with_callback
from tests.search.suite.registry import Case


def outcomes(case: Case) -> tuple[Outcome, Outcome]:
    """Return what a case comes to with the callback, and in a search."""
    print(case.name, flush=True)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        return (
            outcome(with_callback, case, Path(one), case.callback),
            outcome(in_search, case, Path(other), case.search),
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    page.FILE.write_text(page.page(outcomes), encoding="utf-8")
