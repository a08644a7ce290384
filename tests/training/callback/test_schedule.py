import pytest

from autoact.errors import ConfigurationError
from autoact.training.callback import Schedule


@pytest.mark.parametrize(("progress", "expected"), [(0, 0), (0.2, 0), (0.4, 0.5), (0.6, 1), (1, 1)])
def test_release_is_a_ramp(progress, expected):
    assert Schedule(release=(0.2, 0.6)).release_at(progress) == pytest.approx(expected)


def test_an_empty_ramp_is_a_step():
    schedule = Schedule(release=(0.5, 0.5))
    assert (schedule.release_at(0.49), schedule.release_at(0.5)) == (0.0, 1.0)


def test_temperature_is_geometric_and_reaches_both_ends():
    schedule = Schedule(temperature=(4.0, 0.25))
    assert [schedule.temperature_at(p) for p in (0, 0.5, 1, 1.5)] == pytest.approx([4, 1, 0.25, 0.25])


@pytest.mark.parametrize(
    "settings",
    [{"release": (0.5, 0.2)}, {"release": (-0.1, 1)}, {"release": (0, 2)}, {"temperature": (1, 0)}],
)
def test_impossible_ramps_are_refused_with_their_value(settings):
    (value,) = settings.values()
    with pytest.raises(ConfigurationError, match=str(value[1])):
        Schedule(**settings)
