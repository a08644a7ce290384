"""Modules as users write them: each works with the callback and in a search, or ends in its line."""

from collections import Counter
from contextlib import nullcontext

import pytest
from _pytest.mark import ParameterSet

from tests.search.suite.all_cases import CASES
from tests.search.suite.outcomes import in_search, outcome, with_callback
from tests.search.suite.page import FILE, expected, page
from tests.search.suite.registry import Case

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(num_workers|log_every_n_steps|isinstance.treespec|TF32)"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),  # by Dynamo, of its own doing
    pytest.mark.filterwarnings(
        "ignore:.*(ambiguous collection|shuffling enabled|in eval mode at|returned .None)"
    ),
]


def searched(place: int, case: Case) -> bool:
    """Tell what a search tries by default: cases that it treats in a way of their own, and each fourth."""
    own = case.search, case.search_warns, case.no_mixture, case.idle, case.late
    return any(own) or place % 4 == 0


def each(*, by_search: bool) -> list[ParameterSet]:
    """Return all cases; by default each is tried in one of two ways, and long in the other, dearer one."""
    return [
        pytest.param(name, marks=() if searched(place, case) is by_search else pytest.mark.long)
        for place, (name, case) in enumerate(CASES.items())
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", each(by_search=False))
def test_callback(name, tmp_path):
    case = CASES[name]
    with pytest.warns(UserWarning, match=case.warns) if case.warns else nullcontext():
        assert outcome(with_callback, case, tmp_path, case.callback) == expected(case)[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", each(by_search=True))
def test_search(name, tmp_path):
    case = CASES[name]
    with pytest.warns(UserWarning, match=case.search_warns) if case.search_warns else nullcontext():
        assert outcome(in_search, case, tmp_path, case.search) == expected(case)[1]


def test_the_page_has_what_the_cases_come_to():
    """`PYTHONPATH=. python -m tests.search.suite` writes it from their results."""
    assert FILE.read_text(encoding="utf-8") == page(expected)


def test_the_cases_are_many_and_tell_what_they_do():
    assert len(CASES) >= 60
    told = Counter(case.does for case in CASES.values())
    assert [does for does, count in told.items() if count > 1 or not 10 < len(does) < 110] == []
