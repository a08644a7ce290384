"""Page of the suite: docs/what-works.md, a row per case, from what the cases come to."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.search.suite.all_cases import CASES
from tests.search.suite.outcomes import WORKS, Outcome, without
from tests.search.suite.registry import Case

FILE = Path(__file__).parents[3] / "docs" / "what-works.md"
Outcomes = Callable[[Case], tuple[Outcome, Outcome]]

HEAD = """\
# What works

Of {count} modules and data as Lightning users write them {callback} train with the callback
`ActivationSearch`, and `run_search` searches {search}, {without} of these without a mixture. Where something
does not work, the table has the line in which it ends.

"Works" means for the callback: the layers that the case names are found, they learn, and the module is
finalized and validated. For a search, of a budget of 2: every training ends with a number, there is a
verdict, and a fresh model takes the recommended activations.

`PYTHONPATH=. python -m tests.search.suite` runs the cases (`tests/search/suite/`) and writes this page.

| kind | what it does | layers | callback | `run_search` |
|---|---|---|---|---|
"""


def expected(case: Case) -> tuple[Outcome, Outcome]:
    """Return what a case says that it comes to."""
    count = len(case.layers)
    found = case.search or (without(case.no_mixture) if case.no_mixture else WORKS)
    return (
        Outcome(0 if case.callback else count, case.callback or WORKS),
        Outcome(0 if case.search else count, found),
    )


def page(outcomes: Outcomes) -> str:
    """Return the page."""
    cases = sorted(CASES.values(), key=lambda case: case.kind.lower())
    found = [(case, *outcomes(case)) for case in cases]
    callbacks, searches = (
        [callback.ended for _, callback, _ in found],
        [search.ended for _, _, search in found],
    )
    counts = {
        "count": len(found),
        "callback": sum(ended.startswith(WORKS) for ended in callbacks),
        "search": sum(ended.startswith(WORKS) for ended in searches),
        "without": sum(ended.startswith(WORKS) and ended != WORKS for ended in searches),
    }
    return HEAD.format(**counts) + "".join(rows(found))


def rows(found: Iterable[tuple[Case, Outcome, Outcome]]) -> Iterator[str]:
    """Iterate over the rows of cases with what callback and search came to."""
    for case, callback, search in found:
        layers = max(callback.layers, search.layers)
        yield f"| {case.kind} | {case.does} | {layers} | {told(callback)} | {told(search)} |\n"


def told(outcome: Outcome) -> str:
    """Return how a case ends; lines of autoact's are quoted."""
    return outcome.ended if outcome.ended.startswith(WORKS) else f'"{outcome.ended}"'
