import pytest

from autoact.search.executors import _watchdog
from tests.search.executors.clock import TICK, Clock


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watches look often."""
    monkeypatch.setattr(_watchdog, "TICK", TICK)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, often: None) -> Clock:
    """What time is for watches."""
    made = Clock()
    monkeypatch.setattr(_watchdog, "time", made)
    return made
