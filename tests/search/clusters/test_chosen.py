"""Where trainings run: what may be said of it, and what cannot be had."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from autoact.errors import ConfigurationError, MissingPackageError
from autoact.search import Settings
from autoact.search.clusters import place_for


@pytest.mark.parametrize("given", ["slurm", "ray://", "dask", "tcp://host:1", "module:", 3, None.__class__])
def test_what_is_no_executor_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^executor is .*; it must be 'local', 'ray', 'ray://HOST"):
        Settings(executor=given)


@pytest.mark.parametrize(
    "given", ["local", "ray", "ray://h:1", "dask://h:1", "a.b:c.d", ThreadPoolExecutor()]
)
def test_what_is_an_executor(given: Any) -> None:
    assert Settings(executor=given).executor is given


@pytest.mark.parametrize("given", [{"gpus": 0}, {"cpus": True}, {"cpus": "1"}, {1: 1}, [1], {"a": math.inf}])
def test_what_are_no_resources_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^resources is .* must map names to numbers above 0"):
        Settings(resources=given)


def test_an_executor_of_ones_own_gives_no_resources() -> None:
    settings = Settings(executor=ThreadPoolExecutor(), resources={"cpus": 2, "gpus": 1})
    with pytest.raises(ConfigurationError, match=r"'gpus': 1.*Leave out all but cpus"), place_for(settings):
        pass


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"memory_limit": 8}, "and memory_limit is for local processes. Leave it out; instead, resources: "),
        ({"trainer": {"devices": 2, "strategy": "ddp"}}, "and the trainer's devices are 2, for which local"),
    ],
)
def test_what_only_local_processes_can_give_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^executor is 'ray', {said}"):
        with place_for(Settings(executor="ray", **asked)):
            pass


@pytest.mark.parametrize(
    ("executor", "package"), [("ray", "ray"), ("ray://host:1", "ray"), ("dask://host:1", "distributed")]
)
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, executor: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    needs = f"^executor: {executor} needs {package}, which is not installed: pip install {package}$"
    with pytest.raises(MissingPackageError, match=needs), place_for(Settings(executor=executor)):
        pass


def test_the_size_is_what_is_offered_and_workers_limits_it() -> None:
    with ThreadPoolExecutor(3) as pool:
        for workers, expected in ((None, 3), (2, 2), (8, 3)):
            with place_for(Settings(executor=pool, workers=workers)) as place:
                assert place.workers == expected
    with place_for(Settings()) as place:
        assert place.workers == 1
    with place_for(Settings(workers=4)) as place:
        assert place.workers == 4
