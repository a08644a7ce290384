"""Execution of a search: where its trainings run, and what each of them gets there."""

import re
from collections.abc import Mapping
from concurrent.futures import Executor as Pool
from numbers import Real
from typing import Any

from autoact.errors import ConfigurationError

ExecutorSetting = str | Pool
AN_OBJECT = "an Executor object was given"  # what config.yaml keeps of one
_NAMES = re.compile(r"local|ray|(ray|dask)://[^\s/]+|[\w.]+:[\w.]+")


def require_executor(given: Any) -> None:
    """Refuse what trainings cannot run in.

    Raises:
        ConfigurationError: It is none of what is allowed, or config.yaml says that it was an object.

    Example:
        >>> require_executor("ray://10.0.0.1:10001")
    """
    if isinstance(given, Pool) or (isinstance(given, str) and _NAMES.fullmatch(given)):
        return
    if given == AN_OBJECT:
        raise ConfigurationError(
            "executor: the run's trainings ran in an object that was given in Python. Give it again, "
            "run_search(..., resume=True, executor=...), or name another one: --executor local."
        )
    raise ConfigurationError(
        f"executor is {given!r}; it must be 'local', 'ray', 'ray://HOST:PORT', 'dask://HOST:PORT', "
        "'module:function' of a function that returns a concurrent.futures.Executor, or in Python such an "
        "object."
    )


def checked_resources(given: Any) -> dict[str, float]:
    """Return the resources of a training by name.

    Raises:
        ConfigurationError: They are not positive numbers by name.

    Example:
        >>> checked_resources({"cpus": 2, "gpus": 0.25})
        {'cpus': 2, 'gpus': 0.25}
    """
    resources = dict(given) if isinstance(given, Mapping) else {"": given}
    for name, amount in resources.items():
        whole = isinstance(amount, Real) and not isinstance(amount, bool)
        if not whole or not 0 < float(amount) < float("inf") or not isinstance(name, str) or not name:
            raise ConfigurationError(
                f"resources is {given!r}; it must map names to numbers above 0, such as "
                "{'cpus': 1, 'gpus': 0.25}: what each training gets."
            )
    return resources
