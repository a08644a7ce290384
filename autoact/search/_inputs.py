"""Inputs of a search that exclude or need each other."""

import os
from collections.abc import Mapping
from typing import Any

from autoact.errors import ConfigurationError
from autoact.search.phases import prepare, rehearse
from autoact.search.setup import Settings, inferred_mode
from autoact.search.study import check_storage
from autoact.search.trainings import ModelTask
from autoact.spaces import SearchSpace


def check_what(model: Any, data: Any, objective: Any, layers: Any) -> None:
    """Refuse what does not say what to search, or says it twice.

    Raises:
        ConfigurationError: Says what is missing, or what is too much.
    """
    if objective is None and model is None:
        raise ConfigurationError(
            "model is not given; give model and, unless it loads its own, data; or objective=f with "
            "f(assignment, seed, fraction) -> float."
        )
    if objective is not None and (model is not None or data is not None):
        raise ConfigurationError("Give model and data, or objective, not both: a function makes its own.")
    if objective is None and layers is not None:
        raise ConfigurationError("layers is for objective; the layers of a model are found by looking.")


def required(out: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """Return the run directory.

    Raises:
        ConfigurationError: There is none.
    """
    if out is None:
        raise ConfigurationError(
            "out is not given; it must name the run directory to make, such as 'runs/first'."
        )
    return out


def settings_of(model: Any, data: Any, space: SearchSpace, given: Mapping[str, Any]) -> Settings:
    """Return the settings of a new run.

    Args:
        model: As given to `run_search`; None where a function is given.
        data: As given to `run_search`.
        space: The search space.
        given: Settings by name.
    """
    _require_logged(model, data, space, given)
    settings = Settings.of(given)
    check_storage(settings.storage)
    return settings


def _require_logged(model: Any, data: Any, space: SearchSpace, settings: Mapping[str, Any]) -> None:
    """Refuse a monitor that is never logged before its mode is asked for: of a misspelled name, none is.

    Raises:
        ConfigurationError: Names what the validation logs.
    """
    monitor = settings.get("monitor") or "val_loss"
    if model is None or settings.get("mode") is not None or not isinstance(monitor, str):
        return
    if inferred_mode(monitor) is None:
        task = prepare(model, data, space, Settings.of({**settings, "mode": "min"}), None).task
        assert isinstance(task, ModelTask), "a model is given"
        rehearse(task)
