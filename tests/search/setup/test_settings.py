"""Settings say what is wrong with them; seeds follow from them and are never shared between phases."""

import inspect
import pydoc
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from autoact import run_search
from autoact.errors import ConfigurationError
from autoact.search.setup import Settings, SettingsOptions, seeds_for
from autoact.search.setup._mode import doubtful_mode, settle_mode


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
        ({"trainer": Settings()}, r"trainer is an object of \S*\.Settings; it must map"),
        ({"stack": 1}, "stack is 1; it must be 'auto', 'off', or how many trainings to do as one"),
        ({"stack": True}, "stack is True"),
        ({"stack": "on"}, "stack is 'on'"),
        ({"stack": 2.5}, "stack is 2.5"),
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


@pytest.mark.parametrize(("given", "stack"), [(False, "off"), ("off", "off"), ("auto", "auto"), (16, 16)])
def test_a_stack_is_read_as_yaml_has_it(given: Any, stack: Any) -> None:
    assert Settings(stack=given).stack == stack


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


@pytest.mark.parametrize("name", ["budget", "selection_seeds", "seeds"])
def test_larger_counts_only_append_seeds(name: str) -> None:
    few, many = (seeds_for(Settings.of({name: count})) for count in (4, 400))
    for phase in ("search", "selection", "confirmation"):
        before, after = getattr(few, phase), getattr(many, phase)
        assert after[: len(before)] == before
    drawn = [*many.search, *many.selection, *many.confirmation]
    assert len(set(drawn)) == len(drawn) > 400
    assert {few.trial(number) for number in range(400)} == {many.trial(number) for number in range(400)}
    assert not {many.trial(number) for number in range(1000)} & {*many.selection, *many.confirmation}


def test_a_question_gets_seeds_that_none_before_had() -> None:
    first = seeds_for(Settings(seeds=10))
    second = seeds_for(Settings(seeds=4), used=10)
    assert seeds_for(Settings(seeds=14)).confirmation == (*first.confirmation, *second.confirmation)
    assert (second.search, second.selection) == (first.search, first.selection)


def test_seeds_follow_from_the_seed() -> None:
    first, again, other = (seeds_for(Settings(monitor="val_loss", seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert not {*first.search, *first.confirmation} & {*other.search, *other.confirmation}
    assert len({first.trial(number) for number in range(200)}) == 200
    assert [first.number(first.trial(number), number) for number in (0, 5, 50)] == [0, 5, 50]
    with pytest.raises(ValueError, match="seed 7 is none of the search's"):
        first.number(7, 3)


NAMES = [item.name for item in fields(Settings)]


def test_the_options_of_python_are_exactly_the_settings() -> None:
    """One new setting is one new field: this names the one other place that must know of it."""
    assert list(get_type_hints(SettingsOptions)) == NAMES


def test_help_and_signature_show_every_setting() -> None:
    shown = inspect.signature(run_search).parameters
    own = inspect.signature(Settings).parameters
    assert list(shown)[-len(NAMES) :] == NAMES
    assert all(shown[name].default == own[name].default for name in NAMES)
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in shown.values())
    text = pydoc.plain(pydoc.render_doc(run_search))
    assert all(f"{name}:" in text for name in NAMES)


def test_every_setting_is_explained() -> None:
    from docstring_parser import parse

    explained = {each.arg_name for each in parse(Settings.__doc__ or "").params}
    assert explained == set(NAMES)


def test_none_stands_for_the_default() -> None:
    assert Settings.of(dict.fromkeys(NAMES)) == Settings()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budgte": 3}, r"no setting 'budgte'; allowed: monitor, .*\. Did you mean 'budget'\?"),
        ({"selection_seed": 3}, r"Did you mean 'selection_seeds'\?"),
        ({"rungs": True}, "no setting 'rungs'; allowed: "),
    ],
)
def test_unknown_settings_are_answered_with_the_nearest(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        Settings.of(given)
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigurationError, match=message):
        run_search(object, (), out="unused", **given)


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [("val_loss", "max"), ("val/Accuracy", "min"), ("val_r2", "min"), ("val-rmse", "max"), ("f1", "min")],
)
def test_a_mode_against_the_name_is_doubted(monitor: str, mode: Any) -> None:
    assert doubtful_mode(mode, monitor).startswith(f"mode is {mode!r}, so the ")
    assert doubtful_mode("min" if mode == "max" else "max", monitor) == ""


@pytest.mark.parametrize("monitor", ["score", "neg_loss", "negative-mse", "f1_error", "objective"])
def test_a_name_that_says_nothing_or_both_is_not(monitor: str) -> None:
    assert doubtful_mode("max", monitor) == doubtful_mode("min", monitor) == ""
