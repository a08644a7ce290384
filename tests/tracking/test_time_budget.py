import pytest

from autoact.tracking._layer_logger import TimeBudget


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_spending_waits_until_the_share_is_earned():
    clock = Clock()
    budget = TimeBudget(0.01, clock)
    assert budget.allows()
    with budget.spending():
        clock.now += 2.0
    clock.now = 199.0
    assert not budget.allows()
    clock.now = 200.0
    assert budget.allows()
    assert not budget.allows(expected=0.1)


def test_work_that_fails_is_paid_for():
    clock = Clock()
    budget = TimeBudget(0.01, clock)
    with pytest.raises(KeyError), budget.spending():
        clock.now = 3.0
        raise KeyError
    assert budget.spent == 3.0


def test_work_that_comes_apart_grows_with_the_logarithm_of_time():
    clock = Clock()
    budget, counts = TimeBudget(0.005, clock, apart=0.02), []
    for end in (1e3, 1e4, 1e5, 1e6):
        count = 0
        while clock.now < end:
            clock.now += max(1.0, clock.now / 1000)
            if budget.allows():
                count += 1
                with budget.spending():
                    clock.now += 0.001
        counts.append(count)
    assert all(100 < count < 130 for count in counts[1:])
