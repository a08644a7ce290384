"""Settings of every test process: one thread each, the same examples on every run."""

import gc
import importlib.metadata
import os
import shutil
import signal
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
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

gc.disable()  # what collecting imports is no garbage, and looking through it takes a fifth of the time


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage again once tests run, but not in what was there before."""
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Restore the registry after examples in docstrings, too: they lie in other folders than this file."""
    from tests import restored_registry

    config.pluginmanager.register(restored_registry, "restored_registry")


@pytest.fixture(scope="session")
def empty_study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Optuna's tables in a file, to be copied: making them takes longer than a small training."""
    from autoact.search.study import sqlite_storage

    file = tmp_path_factory.mktemp("tables") / "study.db"
    sqlite_storage(file)
    return file


@pytest.fixture(scope="module")
def brief_searches(empty_study_file: Path) -> Iterator[None]:
    """Searches of a module draw no figures, as without matplotlib, and time their models only for a moment.

    Optuna's tables are made once, and their versions read once, not for every study. That is more than half
    of what a search of a small model costs. tests/tracking looks at figures,
    tests/search/test_announcement.py at searches with all of it.
    """
    import alembic.util

    from autoact.latency import medians
    from autoact.search.study import sqlite_storage

    def storage(file: Path, *, checked: bool = False) -> Any:
        made = file.exists()
        if not made:
            shutil.copyfile(empty_study_file, file)
        return sqlite_storage(file, checked=checked or not made)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("autoact.tracking._layer_logger.left_out", lambda package, what: True)
        patched.setattr("autoact.search.study._export.sqlite_storage", storage)
        patched.setattr(alembic.util, "load_python_file", _read_once(alembic.util.load_python_file))
        patched.setattr("autoact.search.outcome._latency.medians", partial(medians, seconds=0.01))
        for name in ("_latency_costs._SECONDS", "_latency_costs._SECONDS_WHOLE", "_whole_models._SECONDS"):
            patched.setattr(f"autoact.search.goals.{name}", 0.001)
        yield


def _read_once(load: Any) -> Any:
    """Return a loader of Python files that reads versions once; env.py does its work whenever it is read."""
    known = cache(load)
    return lambda folder, file: load(folder, file) if file == "env.py" else known(folder, file)
