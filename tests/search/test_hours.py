"""Hours bound the whole run: trials give way to baselines and confirmation, then seeds do; all is kept."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autoact import load_run, run_search
from autoact.errors import SearchFailedError
from autoact.records import Ledger
from autoact.search import SearchResult
from autoact.spaces import Assignment

VALUES = {"tanh": 0.3, "relu": 0.2, "sin": 0.4}
MINUTE = 1 / 60  # in hours
SETTINGS: dict[str, Any] = {"budget": 8, "seeds": 5, "selection_seeds": 1, "mode": "min"}


class Clock:
    """Time that passes only in trainings: a minute each."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("_time_limit", "_objective"):
        time = SimpleNamespace(monotonic=clock, perf_counter=clock)
        monkeypatch.setattr(f"autoact.search.trainings.{module}.time", time)
    return clock


@pytest.fixture
def search(clock: Clock, tmp_path: Path) -> Callable[..., SearchResult]:
    def objective(assignment: Assignment, seed: int, fraction: float) -> float:
        clock.now += 60 * fraction
        first, second = (VALUES[choice.activation] for choice in assignment.values())
        return first + 2 * second * first + seed % 97 / 1000 * (1 + first)

    def run(**changes: Any) -> SearchResult:
        settings = {**SETTINGS, "out": tmp_path / "run", "quiet": True, **changes}
        return run_search(objective=objective, layers=["a", "b"], space=[*VALUES], **settings)

    return run


def phases(folder: Path) -> Counter[str]:
    return Counter(training.phase for training in Ledger(folder / "run" / "trainings.jsonl").trainings)


@pytest.mark.slow
def test_the_search_ends_early_enough_for_the_rest(
    search: Callable[..., SearchResult], clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = search(hours=25 * MINUTE, quiet=False)
    assert clock.now <= 25 * 60
    found = phases(tmp_path)
    assert 2 <= found["trial"] < 8
    assert len(result.report["confirmation"]["seeds"]) == 5
    said = capsys.readouterr().out
    assert "within 25 min 0 s: the search ends early enough for baselines and confirmation" in said
    assert re.search(f"{found['trial']} of 8 trials: the 1[0-9] min .* left are for baselines", said)
    assert "The hours sufficed" not in result.summary()


@pytest.mark.slow
def test_where_everything_fits_nothing_is_cut(search: Callable[..., SearchResult], tmp_path: Path) -> None:
    search(hours=60 * MINUTE)
    assert phases(tmp_path)["trial"] == 8


def test_the_confirmation_takes_the_seeds_that_fit_and_the_rest_with_more_hours(
    search: Callable[..., SearchResult], clock: Clock, tmp_path: Path
) -> None:
    result = search(hours=12 * MINUTE)
    assert clock.now <= 12 * 60
    seeds = result.report["confirmation"]["seeds"]
    assert 2 <= len(seeds) < 5
    assert f"The hours sufficed for {len(seeds)} of 5 seeds of the confirmation." in result.summary()
    found = result.report["confirmation"]
    assert (found["most"], found["cut"]) == (5, True)
    assert "--seeds" not in result.summary(), "fewer than were asked for would be refused"
    assert f"run_search(..., out={str(tmp_path / 'run')!r}, resume=True, hours=0." in result.summary()
    before, now = phases(tmp_path), clock.now
    again = search(resume=True)
    assert (clock.now, phases(tmp_path)) == (now, before)
    assert again.report["reported"] == [len(seeds)]
    whole = search(resume=True, hours=30 * MINUTE)
    assert whole.report["confirmation"]["seeds"][: len(seeds)] == seeds
    assert whole.report["reported"] == [len(seeds), 5]
    assert whole.assignment == result.assignment
    assert phases(tmp_path)["trial"] == before["trial"]
    assert "The hours sufficed" not in whole.summary()
    assert not whole.report["confirmation"]["cut"]


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [2, 5])
def test_too_few_hours_end_the_run_before_its_verdict_and_it_can_go_on(
    search: Callable[..., SearchResult], clock: Clock, tmp_path: Path, minutes: int
) -> None:
    with pytest.raises(
        SearchFailedError, match=r"The hours are over before .*run', resume=True, hours=0\."
    ) as no:
        search(hours=minutes * MINUTE)
    assert "\n" not in str(no.value)
    assert clock.now <= 60 * minutes
    before = list(Ledger(tmp_path / "run" / "trainings.jsonl").trainings)
    assert len(before) > 1
    with pytest.raises(SearchFailedError, match="The hours are over"):
        search(resume=True)
    assert load_run(tmp_path / "run").verdict is None
    result = search(resume=True, hours=1)
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl").trainings
    assert ledger[: len(before)] == before
    assert len(result.report["confirmation"]["seeds"]) == 5
    assert phases(tmp_path)["trial"] == 8  # nothing was compared before
    done = [(t.phase, t.key, t.seed) for t in ledger if t.phase not in ("trial", "probe")]
    assert len(done) == len(set(done))
