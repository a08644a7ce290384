"""Calls are measured in turns, often enough for the clock."""

import pytest

from autoact.latency import in_turns, medians, ratio
from tests.latency.stopwatch import Stopwatch


def test_medians_tell_slow_from_fast_and_ignore_outliers(stopwatch: Stopwatch) -> None:
    calls = {"fast": 0, "slow": 0}

    def wait(name: str, seconds: float) -> None:
        calls[name] += 1
        stopwatch.sleep(0.1 if calls[name] == 8 else seconds)

    found = medians({"fast": lambda: wait("fast", 0.001), "slow": lambda: wait("slow", 0.005)}, seconds=0.3)
    assert calls["fast"] == calls["slow"] > 11
    assert found["fast"] == pytest.approx(0.001)
    assert found["slow"] == pytest.approx(0.005)


def test_a_round_measures_every_call_once(stopwatch: Stopwatch) -> None:
    order: list[str] = []

    def note(name: str) -> None:
        order.append(name)
        stopwatch.sleep(0.001)  # longer than a measurement must be: no repeats

    times = in_turns({"a": lambda: note("a"), "b": lambda: note("b")}, seconds=0.02)
    rounds = len(times["a"])
    assert len(times["b"]) == rounds == 10
    assert order[-2 * rounds :] == ["a", "b"] * rounds


def test_short_calls_are_repeated_until_the_clock_can_see_them(stopwatch: Stopwatch) -> None:
    count = 0

    def short() -> None:
        nonlocal count
        count += 1
        stopwatch.sleep(1e-6)

    times = in_turns({"short": short}, seconds=0.0)["short"]
    assert times == pytest.approx([1e-6])
    assert count > 100


def test_every_call_is_measured_however_little_time_there_is() -> None:
    times = in_turns({"a": lambda: sum(range(1000)), "b": lambda: None}, seconds=0.0)
    assert all(len(values) == 1 for values in times.values())
    assert in_turns({}, seconds=0.0) == {}


def test_the_ratio_is_taken_round_by_round() -> None:
    low, middle, high = ratio([1.0, 20.0, 3.0, 400.0, 5.0], [1.0, 10.0, 1.5, 200.0, 2.0])
    assert (low, middle, high) == (1.5, 2.0, 2.25)
    assert ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
