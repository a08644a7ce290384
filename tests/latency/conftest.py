import pytest

from autoact.latency import _call_times as timing
from tests.latency.stopwatch import Stopwatch


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """Measure with a clock that only sleeping on it moves."""
    made = Stopwatch()
    monkeypatch.setattr(timing, "time", made)
    return made
