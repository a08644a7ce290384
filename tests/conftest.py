"""Settings of every test process: one thread each, the same examples on every run."""

import importlib.metadata
import os
import signal
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell without job control starts what runs in its background deaf to Ctrl-C, and nohup deaf to the end of
# a terminal, and so whatever that starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Every Trainer asks for callbacks among the entry points of all installed packages, which takes as long as a
# small training. Before Lightning is imported:
vars(importlib.metadata)["entry_points"] = cache(importlib.metadata.entry_points)

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Restore the registry after examples in docstrings, too: they lie in other folders than this file."""
    from tests import restored_registry

    config.pluginmanager.register(restored_registry, "restored_registry")


@pytest.fixture(scope="module")
def brief_searches() -> Iterator[None]:
    """Searches of a module draw no figures, as without matplotlib, and time their models only for a moment.

    Versions of Optuna's tables are read once, not for every study. That is more than half of what a search of
    a small model costs. tests/tracking looks at figures, tests/search/test_announcement.py at
    searches with all of it.
    """
    import alembic.util

    from autoact.latency import medians

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("autoact.tracking._layer_logger.left_out", lambda package, what: True)
        patched.setattr(alembic.util, "load_python_file", _read_once(alembic.util.load_python_file))
        patched.setattr("autoact.search.outcome._latency.medians", partial(medians, seconds=0.01))
        for name in ("_latency_costs._SECONDS", "_latency_costs._SECONDS_WHOLE", "_whole_models._SECONDS"):
            patched.setattr(f"autoact.search.goals.{name}", 0.001)
        yield


def _read_once(load: Any) -> Any:
    """Return a loader of Python files that reads versions once; env.py does its work whenever it is read."""
    known = cache(load)
    return lambda folder, file: load(folder, file) if file == "env.py" else known(folder, file)
