"""Settings say what is wrong with them; seeds follow from them and are never shared between phases."""

from typing import Any

import pytest

from autoact.errors import ConfigurationError
from autoact.search.setup import Settings, seeds_for
from autoact.search.setup._settings import settle_mode


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": 0}, "budget is 0; it must be an integer of at least 1"),
        ({"budget": -3}, "budget is -3"),
        ({"budget": 2.5}, "budget is 2.5"),
        ({"budget": True}, "budget is True"),
        ({"seeds": 1}, "seeds is 1; it must be an integer of at least 2"),
        ({"selection_seeds": 0}, "selection_seeds is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"mode": "minimum"}, "mode is 'minimum'; it must be 'min' or 'max'"),
        ({"monitor": ""}, "monitor is ''"),
        ({"monitor": None}, "monitor is None"),
        ({"monitor": "val_f1"}, "cannot be inferred from monitor 'val_f1'"),
        ({"monitor": "loss_of_accuracy"}, "cannot be inferred"),
        ({"trainer": 3}, "trainer is 3; it must map"),
    ],
)
def test_bad_settings(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings(**{"monitor": "val_loss", **given})


@pytest.mark.parametrize(
    ("monitor", "mode"), [("val_loss", "min"), ("train/Loss", "min"), ("val_acc", "max"), ("Accuracy", "max")]
)
def test_mode_is_inferred_from_loss_and_acc_only(monitor: str, mode: str) -> None:
    assert settle_mode(None, monitor) == mode
    assert settle_mode("max", monitor) == "max"


def test_the_callers_trainer_settings_are_copied() -> None:
    trainer = {"max_epochs": 3}
    settings = Settings(monitor="val_loss", trainer=trainer)
    trainer["max_epochs"] = 4
    assert settings.trainer == {"max_epochs": 3}


def test_no_seed_is_used_in_two_phases() -> None:
    seeds = seeds_for(Settings(monitor="val_loss", budget=50, seeds=30, selection_seeds=20))
    drawn = [*seeds.search, *seeds.selection, *seeds.confirmation]
    assert len(drawn) == len(set(drawn)) == 100
    assert all(0 <= seed < 2**31 for seed in drawn)


def test_seeds_follow_from_the_seed() -> None:
    first, again, other = (seeds_for(Settings(monitor="val_loss", seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert not {*first.search, *first.confirmation} & {*other.search, *other.confirmation}
    assert len({first.trial(number) for number in range(200)}) == 200
    assert [first.number(first.trial(number)) for number in (0, 5, 50)] == [0, 5, 50]
